"""Where a request comes from: the nearest hop that is none of our proxies."""

import pytest

from regal.lib.client_address import UNKNOWN, budget_of, client_address

PROXIES = ["10.0.0.5", "192.168.0.0/24", "2001:db8::/32"]


class TestClientAddress:
    @pytest.mark.parametrize(
        ("remote", "forwarded_for", "trusted", "address"),
        [
            ("203.0.113.7", "", [], "203.0.113.7"),
            ("203.0.113.7", "198.51.100.1", [], "203.0.113.7"),  # a stranger's word
            ("203.0.113.7", "198.51.100.1", PROXIES, "203.0.113.7"),
            ("10.0.0.5", "198.51.100.1", PROXIES, "198.51.100.1"),
            ("10.0.0.5", "1.2.3.4, 198.51.100.1", PROXIES, "198.51.100.1"),
            ("10.0.0.5", "1.2.3.4, 198.51.100.1, 192.168.0.9", PROXIES, "198.51.100.1"),
            ("10.0.0.5", "198.51.100.1,garbage", PROXIES, "10.0.0.5"),
            ("10.0.0.5", "", PROXIES, "10.0.0.5"),
            ("2001:db8::1", "2001:4860::1", PROXIES, "2001:4860::1"),
            ("::ffff:10.0.0.5", "::ffff:198.51.100.1", PROXIES, "198.51.100.1"),
            ("", "198.51.100.1", PROXIES, UNKNOWN),  # a socket file
            ("unix:", "", PROXIES, UNKNOWN),
        ],
    )
    def test_is_seen_through_trusted_proxies_only(self, remote, forwarded_for, trusted, address):
        assert client_address(remote=remote, forwarded_for=forwarded_for, trusted=trusted) == address


class TestBudget:
    @pytest.mark.parametrize(
        ("address", "budget"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("::ffff:cb00:7107", "203.0.113.7"),
            ("unknown", UNKNOWN),
        ],
    )
    def test_is_shared_by_a_household(self, address, budget):
        assert budget_of(address) == budget
