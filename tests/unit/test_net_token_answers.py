"""Whatever bytes a token endpoint answers with: a token that can be used, or a failure in words of ours."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from mailsonar.model.oauth2 import TokenResult
from mailsonar.net.token_endpoint import LONGEST_LIFETIME_SECONDS, TOKEN_LIMIT, Granted, NoToken, _Answer, _granted

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
keys = ("access_token", "token_type", "expires_in", "refresh_token", "error", "error_description")
objects = st.fixed_dictionaries({}, optional=dict.fromkeys(keys, values | st.just("Bearer") | st.just(3600)))


def outcome(body: bytes, status: int, headers: dict[str, str]) -> Granted | NoToken:
    """Return what an answer amounts to."""
    try:
        return _granted(_Answer(status, headers, body))
    except NoToken as none:
        return none


@example(b'{"error":""}', 400, {})
@given(
    st.binary() | objects.map(lambda told: json.dumps(told).encode()),
    st.sampled_from((200, 201, 204, 302, 400, 401, 429, 500, 503)),
    st.dictionaries(st.sampled_from(("Retry-After", "Content-Type", "Date")), st.text()),
)
def test_every_answer_is_a_token_or_a_failure(body: bytes, status: int, headers: dict[str, str]) -> None:
    """Nothing else comes of it, a token is one that may stand in a line, and no pause is negative."""
    found = outcome(body, status, headers)
    if isinstance(found, Granted):
        assert status < 300
        assert 0 < len(found.token) <= TOKEN_LIMIT
        assert found.token.isascii()
        assert found.token.isprintable()
        assert " " not in found.token
        assert found.lifetime_seconds is None or 0 < found.lifetime_seconds <= LONGEST_LIFETIME_SECONDS
    else:
        assert found.detail
        assert found.retry_after_seconds >= 0
        assert found.result in (TokenResult.REFUSED, TokenResult.FAILED)


def test_a_good_answer_is_a_token() -> None:
    """What RFC 6749 section 5.1 prints is taken as it is."""
    told = {
        "access_token": "2YotnFZFEjr1zCsicMWpAA",
        "token_type": "bearer",
        "expires_in": 3600,
        "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
    }
    found = outcome(json.dumps(told).encode(), 200, {})
    assert found == Granted(
        token="2YotnFZFEjr1zCsicMWpAA", lifetime_seconds=3600.0, refresh_token="tGzv3JOkF0XG5Qx2TlKWIA"
    )
