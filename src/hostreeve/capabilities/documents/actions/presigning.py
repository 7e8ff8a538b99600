"""URLs that carry their own signature: who has one may fetch that one object until it expires."""

from urllib.parse import quote

from hostreeve.contract import sigv4


def presigned(place: tuple[str, str, str], key: tuple[str, str], *, now_ms: int, valid_s: int) -> str:
    """`place`: host (with the port, if any), path, Region; `key`: access key id and secret."""
    host, path, region = place
    date = sigv4.amz_date(now_ms)
    scope = sigv4.credential_scope(date[:8], region, "s3")
    members = {
        "X-Amz-Algorithm": sigv4.ALGORITHM,
        "X-Amz-Credential": f"{key[0]}/{scope}",
        "X-Amz-Date": date,
        "X-Amz-Expires": str(valid_s),
        "X-Amz-SignedHeaders": "host",
    }
    query = sigv4.canonical_query(
        "&".join(f"{name}={quote(value, safe='')}" for name, value in members.items())
    )
    canonical = sigv4.canonical_request(
        ("GET", sigv4.canonical_path(path, "s3"), query), f"host:{host}\n", "host", sigv4.UNSIGNED_PAYLOAD
    )
    signing = sigv4.signing_key(key[1], date[:8], region, "s3")
    signature = sigv4.signature(signing, sigv4.string_to_sign(date, scope, canonical))
    return f"https://{host}{path}?{query}&X-Amz-Signature={signature}"
