import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, Resolver404, URLResolver, path
from django.urls.resolvers import RegexPattern

from regal.lib.keys import LARGEST_KEY, is_key, key_in

NO_KEYS = ["", "0", "007", "-1", "+1", " 1", "1\n", "1.0", "1e3", "१", "²", "9223372036854775808", "9" * 19, "9" * 5000]


def view(request: HttpRequest, key: int) -> HttpResponse:
    return HttpResponse(str(key))


@pytest.fixture
def addresses():
    return URLResolver(RegexPattern(r"^"), [path("lignes/<key:key>/", view, name="line")])


class TestAPathWithAKey:
    @pytest.mark.parametrize("key", [1, 10, LARGEST_KEY])
    def test_leads_to_its_row_and_back(self, addresses, key):
        assert addresses.resolve(f"lignes/{key}/").kwargs == {"key": key}
        assert addresses.reverse("line", key) == f"lignes/{key}/"

    @pytest.mark.parametrize("text", NO_KEYS)
    def test_matches_nothing_that_no_row_can_have(self, addresses, text):
        with pytest.raises(Resolver404):
            addresses.resolve(f"lignes/{text}/")

    @pytest.mark.parametrize("key", [0, -1, LARGEST_KEY + 1, None, True, "01"])
    def test_is_not_made_for_what_is_no_key(self, addresses, key):
        with pytest.raises(NoReverseMatch):
            addresses.reverse("line", key)


class TestAKeyThatIsTyped:
    def test_is_read_as_it_is_written(self):
        assert key_in("1") == 1
        assert key_in(str(LARGEST_KEY)) == LARGEST_KEY

    @pytest.mark.parametrize("text", NO_KEYS)
    def test_is_nobody_s_when_no_row_can_have_it(self, text):
        assert key_in(text) is None


class TestAKeyThatIsStored:
    @pytest.mark.parametrize("value", [1, LARGEST_KEY])
    def test_is_a_whole_number_that_a_row_can_have(self, value):
        assert is_key(value)

    @pytest.mark.parametrize("value", [0, -1, LARGEST_KEY + 1, True, 1.0, "1", None, [1]])
    def test_is_nothing_else(self, value):
        assert not is_key(value)
