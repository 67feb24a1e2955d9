"""What is shown of sources, parameters and messages: no passwords, no folders."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.provenance.privacy import HIDDEN, shown, shown_parameters

WORDS = st.text(string.ascii_letters + string.digits + "_", min_size=4, max_size=12)
#: Also what has to be encoded in an address and often is not.
PASSWORDS = st.text(string.ascii_letters + string.digits + "_-.~!$&()*+,;=:@%/?#", min_size=6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("simulation:2024-01-01/2025-01-01/2024", "simulation:2024-01-01/2025-01-01/2024"),
        ("speasy:wind/2019-01-01/2019-02-01", "speasy:wind/2019-01-01/2019-02-01"),
        ("Wind MFI/SWE, 2019-01-01 to 2020-01-01", "Wind MFI/SWE, 2019-01-01 to 2020-01-01"),
        ("/home/jane/secret-project/wind.csv", "wind.csv"),
        ("icme 1.2: /srv/data/2019/wind_2019.cdf (Wind)", "icme 1.2: wind_2019.cdf (Wind)"),
        ("../data/wind.parquet", "wind.parquet"),
        ("data/wind.csv.gz", "wind.csv.gz"),
        ("~jane/wind.fits", "wind.fits"),
        ("/srv/data/2019/", "2019"),
        (r"C:\Users\jane\wind.csv", "wind.csv"),
        ("file:///home/jane/wind.csv", "wind.csv"),
        ("https://example.org/a/b.csv?year=2019", "https://example.org/a/b.csv?year=2019"),
        ("ftp://jane:pw@example.org/a", "ftp://example.org/a"),
        ("s3://bucket/a?X-Amz-Signature=abc&x=1", f"s3://bucket/a?X-Amz-Signature={HIDDEN}&x=1"),
        ("https://example.org/a?api_key=abc#x", f"https://example.org/a?api_key={HIDDEN}#x"),
        ("postgresql://u:p@h/db", "postgresql://h/db"),
        ("host=db password='a b' dbname=x", f"host=db password={HIDDEN} dbname=x"),
        ("ratio 3/4 of A/B", "ratio 3/4 of A/B"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_text_keeps_what_tells_where_data_come_from(text, expected):
    assert shown(text) == expected


@given(user=WORDS, password=PASSWORDS, before=WORDS, host=WORDS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_password_of_an_address_is_shown(user, password, before, host):
    marked = f"pw{password}pw"
    text = shown(f"{before} https://{user}:{marked}@{host}.example/a.csv failed")
    assert text == f"{before} https://{host}.example/a.csv failed"


@given(folders=st.lists(WORDS, min_size=1, max_size=5), name=WORDS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_of_a_path_only_the_name_is_shown(folders, name):
    assert shown(f"/{'/'.join(folders)}/{name}.csv") == f"{name}.csv"
    assert shown(f"read '/{'/'.join(folders)}/{name}.csv': no") == f"read '{name}.csv': no"


@given(st.text())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_can_be_shown_and_showing_it_again_changes_nothing(text):
    assert shown(shown(text)) == shown(text)


def test_parameters_are_cleaned_at_any_depth_and_remain_json():
    given_parameters = {
        "threshold": 0.5,
        "weights": "/home/jane/weights.pt",
        "login": {"token": "abc", "url": "https://u:p@h/x"},
        "inputs": ["/a/b.csv", 3, None, True],
        "api_key": "abc",
        "spacecraft": "wind",
    }
    cleaned = shown_parameters(given_parameters)
    assert cleaned == {
        "threshold": 0.5,
        "weights": "weights.pt",
        "login": {"token": HIDDEN, "url": "https://h/x"},
        "inputs": ["b.csv", 3, None, True],
        "api_key": HIDDEN,
        "spacecraft": "wind",
    }
    assert json.loads(json.dumps(cleaned)) == cleaned
