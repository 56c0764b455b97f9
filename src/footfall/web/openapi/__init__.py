"""The API's description: the OpenAPI document, the page for people, and their texts."""
