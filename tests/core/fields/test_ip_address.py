"""The key under which an address is rate limited."""

from app.core.fields.ip_address import rate_limit_key


def test_an_ipv6_subscriber_is_one_address() -> None:
    near = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"]

    assert {rate_limit_key(ip) for ip in near} == {"2001:db8:1:2::"}
    assert rate_limit_key("2001:db8:1:3::1") != rate_limit_key(near[0])
    assert [rate_limit_key(ip) for ip in ("::ffff:192.0.2.7", "192.0.2.7", None)] == ["192.0.2.7", "192.0.2.7", "None"]
