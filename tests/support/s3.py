"""An S3 server for tests: moto's, over real sockets, which a test may look into, and stop for a while."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
from moto.server import ThreadedMotoServer

BUCKET = "lake"
KEY_ID = "AKIAFOOTFALLTESTS"
SECRET = "a+secret/that+nobody+may+read"


class S3:
    """A server with one bucket."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.start()
        self.client = self._client("s3", KEY_ID, SECRET)
        self.client.create_bucket(Bucket=BUCKET)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; the objects of before are there again."""
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        """Refuse connections."""
        self._server.stop()

    def options(self, **changes: Any) -> dict[str, Any]:
        """What settings need to reach it."""
        access = {"access_key_id": KEY_ID, "secret_access_key": SECRET}
        return {"endpoint": self.url, "region": "us-east-1", "allow_http": True} | access | changes

    def keys(self) -> list[str]:
        """The objects that anyone can see."""
        found = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [item["Key"] for item in found]

    def uploads(self) -> list[str]:
        """The keys of uploads that are under way."""
        return [item["Key"] for item in self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    def head(self, key: str) -> Any:
        return self.client.head_object(Bucket=BUCKET, Key=key)

    def read(self, key: str) -> bytes:
        content = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert isinstance(content, bytes)
        return content

    @contextmanager
    def checking(self) -> Iterator[dict[str, str]]:
        """From now on signatures are checked; gives the options of someone who may do everything."""
        iam = self._client("iam", KEY_ID, SECRET)
        iam.create_user(UserName="writer")
        everything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        iam.put_user_policy(UserName="writer", PolicyName="all", PolicyDocument=everything)
        key = iam.create_access_key(UserName="writer")["AccessKey"]
        self._reset_auth("0")
        try:
            yield {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
        finally:
            self._reset_auth("inf")

    def close(self) -> None:
        self.client.close()
        httpx.post(f"{self.url}/moto-api/reset")
        self.stop()

    def _reset_auth(self, free: str) -> None:
        httpx.post(f"{self.url}/moto-api/reset-auth", content=free.encode()).raise_for_status()

    def _client(self, service: str, key_id: str, secret: str) -> Any:
        options = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, **options)
