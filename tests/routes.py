"""Every route of the two hosts, with the policy it declares."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RoutePattern

from regal.lib.policy import Policy, policy_of

HOSTS = {"guichet": "regal.config.urls_guichet", "bureau": "regal.config.urls_bureau"}


@dataclass(frozen=True)
class Route:
    host: str
    path: str  # as declared: "<slug:collectivite>/suivi/<str:handle>"
    view: Any
    parameters: tuple[str, ...]

    @property
    def policy(self) -> Policy | None:
        return policy_of(self.view)

    @property
    def is_ours(self) -> bool:
        return str(self.view.__module__).startswith("regal.")

    def address(self, **values: object) -> str:
        """The path with its parameters filled in."""
        path = self.path
        for name, value in values.items():
            start, _, rest = path.partition(f":{name}>")
            before, bracket, _ = start.rpartition("<")
            if not bracket:
                start, _, rest = path.partition(f"<{name}>")
                before = start
            path = f"{before}{value}{rest}"
        return f"/{path}"

    def __str__(self) -> str:
        return f"{self.host}:{self.path}"


def routes(host: str) -> list[Route]:
    patterns = import_module(HOSTS[host]).urlpatterns
    return list(_walk(host, patterns, "", ()))


def all_routes() -> list[Route]:
    return [route for host in HOSTS for route in routes(host)]


def _walk(host: str, patterns: list[Any], prefix: str, parameters: tuple[str, ...]) -> Iterator[Route]:
    for pattern in patterns:
        own = str(pattern.pattern)
        named = (*parameters, *getattr(pattern.pattern, "converters", {}))
        if isinstance(pattern, URLResolver):
            language = not isinstance(pattern.pattern, RoutePattern) and hasattr(pattern.pattern, "language_prefix")
            yield from _walk(host, pattern.url_patterns, prefix if language else prefix + own, named)
        elif isinstance(pattern, URLPattern):
            yield Route(host, prefix + own, pattern.callback, named)
