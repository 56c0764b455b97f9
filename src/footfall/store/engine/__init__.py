"""The embedded engine: chDB behind the part of ClickHouse's HTTP protocol that its client speaks.

In a process of its own."""
