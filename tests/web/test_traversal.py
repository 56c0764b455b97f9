"""Paths that would lead out of what is served."""

from pathlib import Path

SECRET = "what stands beside the folder of what is served"
PATHS = (
    "/docs/guides/..%2fsecret",
    "/docs/guides/..%2f..%2fsecret.md",
    "/docs/guides/..%5csecret",
    "/docs/guides/%2fetc%2fpasswd",
    "/docs/guides/%2e%2e/secret.md",
    "/docs/guides/settings%00",
    "/docs/guides/images/..%2fsettings.md",
    "/files/JOB-1/token/..%2f..%2fsecret.md",
    "/files/..%2f..%2fsecret.md/token/x",
    "/shared/..%2f..%2fsecret.md/data.csv",
    "/..%2fsecret.md",
    "/%2e%2e%2fsecret.md",
    "//etc/passwd",
)


async def test_no_path_leads_out_of_what_is_served(service, tmp_path: Path):
    for name in ("secret", "secret.md"):
        (tmp_path / name).write_text(SECRET)
    async with service() as opened:
        for path in PATHS:
            for client in (opened.client, opened.root):
                answer = await client.get(path)
                assert answer.status_code in (400, 403, 404), path
                assert SECRET not in answer.text
                assert "root:" not in answer.text
