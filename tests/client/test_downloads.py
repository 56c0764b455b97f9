"""Downloads: where a file is saved, whatever the service calls it."""

import pytest
from footfall_client.downloads import own_name


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("https://a.example/files/JOB-1.csv.gz", "JOB-1.csv.gz"),
        ("https://a.example/files/JOB-1.csv?signed=a/b", "JOB-1.csv"),
        ("https://a.example/files/.bashrc", "bashrc"),
        ("https://a.example/files/..", "report"),
        ("https://a.example/files/", "report"),
    ],
)
def test_a_file_in_a_folder_is_neither_hidden_nor_elsewhere(link: str, name: str) -> None:
    assert own_name(link) == name
