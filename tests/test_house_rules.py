"""The rules of the house, checked by walking the code. Each exception stands in a list, with its reason."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.template.base import Lexer, TokenType
from django.test import Client, override_settings

from regal.gateways.registry import GATEWAYS
from regal.lib.policy import Frame, Tenant, Who
from regal.lib.tenancy import TenantModel
from regal.proof.shared_tables import SHARED_TABLES
from tests.journeys.screens import BUREAU, GUICHET
from tests.journeys.screens import SANDBOX as SHOWN_BY_THE_SANDBOX
from tests.routes import all_routes, routes

ROOT = Path(__file__).resolve().parents[1]
REGAL = ROOT / "regal"
SANDBOX = ROOT / "regal_sandbox"


@cache
def python_files() -> list[Path]:
    return sorted(REGAL.rglob("*.py"))


def code() -> list[Path]:
    """What runs: neither tests nor migrations."""
    return [file for file in python_files() if not {"tests", "migrations"} & set(file.parts)]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imports(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.AST) -> str:
    """`datetime.now` of the expression datetime.now."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def joins_text(node: ast.AST) -> bool:
    """`folder / "name"`: a path, not a division."""
    if isinstance(node, ast.BinOp):
        return joins_text(node.left) or joins_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


class TestMoney:
    SECONDS = {
        "regal/agenda/operations.py": "the pause before another try",
        "regal/agenda/watches.py": "the pause before another question",
        "regal/payments/checker.py": "how long to wait for an account's turn",
        "regal/config/management/commands/serve.py": "a server's patience",
        "regal/config/management/commands/worker.py": "a worker's patience",
        "regal/demo/bench.py": "measures of time",
        "regal/demo/bench_bureau.py": "measures of time",
        "regal/demo/bench_lookups.py": "measures of time",
        "regal/demo/bench_notices.py": "measures of time",
        "regal/demo/bench_paybox.py": "measures of time",
        "regal/demo/bench_payments.py": "measures of time",
        "regal/demo/bench_processes.py": "how long to wait for a program",
        "regal/demo/bench_quittances.py": "measures of time",
        "regal/demo/bench_titres.py": "measures of time",
        "regal/demo/bench_web_service.py": "measures of time",
        "regal/demo/supervisor.py": "a supervisor's patience",
        "regal/demo/bench_imports.py": "how fast an import is",
        "regal/demo/data.py": "how long to wait for the sandbox",
        "regal/demo/simulated_payer.py": "a payer's patience",
        "regal/demo/trials.py": "a simulated payer's patience",
        "regal/lib/colours.py": "how much light a colour gives",
        "regal/lib/bound_process.py": "how long to wait for a process",
        "regal/lib/embedded_postgres.py": "how long to wait for a server",
        "regal/lib/spreadsheets.py": "euros in a workbook's cell, from whole cents by an exact decimal",
        "regal/titres/importers/xlsx_file.py": "a workbook's cell, by an exact decimal, to the text that it shows",
    }

    def test_meets_no_fraction(self):
        found = []
        for file in python_files():
            if name(file) in self.SECONDS or "tests" in file.parts:
                continue
            for node in ast.walk(tree(file)):
                is_float = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
                is_call = isinstance(node, ast.Call) and dotted(node.func) in ("float", "round")
                is_field = isinstance(node, ast.Attribute | ast.Name) and dotted(node).split(".")[-1] in (
                    "FloatField",
                    "DecimalField",
                    "Decimal",
                )
                is_division = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
                is_path = is_division and (name(file) in self.PATHS or joins_text(node))
                if is_float or is_call or is_field or (is_division and not is_path):
                    found.append(f"{name(file)}:{node.lineno}")  # type: ignore[attr-defined]
        assert found == []

    PATHS = {  # where `/` joins the parts of a path, none of them written out
        "regal/demo/cast.py",
        "regal/demo/environment.py",
    }

    def test_has_exceptions_for_files_that_exist_only(self):
        assert [file for file in self.SECONDS if file != "regal/demo/bench.py" and not (ROOT / file).exists()] == []


class TestModels:
    def test_reach_a_collectivite_or_are_on_the_closed_list(self):
        strays = [
            model._meta.label
            for model in apps.get_models(include_auto_created=True)
            if model._meta.managed and not issubclass(model, TenantModel) and model._meta.db_table not in SHARED_TABLES
        ]
        assert strays == []

    def test_of_the_closed_list_exist_and_say_why(self, committed_db):
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = {row[0] for row in cursor.fetchall()}
        assert set(SHARED_TABLES) - tables == set()
        assert all(SHARED_TABLES.values())

    def test_of_libraries_too_are_open_to_the_application(self, committed_db):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
                " AND NOT has_table_privilege('regal_app', oid, 'SELECT')"
            )
            assert cursor.fetchall() == []
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
                " AND NOT has_table_privilege('regal_verify', oid, 'SELECT')"
            )
            assert cursor.fetchall() == []

    def test_of_a_collectivite_hold_no_key_to_a_person_without_a_reason(self):
        """A town's row may name an agent; never a payer, who has no account."""
        people = {
            f"{model._meta.label}.{field.name}"
            for model in apps.get_models()
            if issubclass(model, TenantModel)
            for field in model._meta.local_fields
            if field.is_relation and field.related_model is apps.get_model("people.User")
        }
        assert people <= {
            "people.Membership.user",
            "people.Invitation.user",
            "people.Invitation.invited_by",
            "people.Visit.user",
            "audit.Letter.recipient",
            "audit.AuditEntry.actor",
            "collectivites.RoutingChange.asked_by",
            "collectivites.RoutingChange.approved_by",
            "collectivites.RoutingChange.cancelled_by",
            "cases.Case.first_seen_by",
            "cases.Case.closed_by",
            "cases.Case.assigned_to",
            "cases.CaseEvent.by",
            "cases.CaseEvent.to_user",
            "notices.NoticeBatch.asked_by",
            "reconciliation.DepositedFile.deposited_by",
            "reconciliation.DepositedFile.confirm_asked_by",
            "payments.CounterReceipt.made_by",
            "payments.Reversal.made_by",
            "receipts.Quittance.issued_by",
            "receipts.QuittanceDelivery.made_by",
            "receipts.Ticket.asked_by",
            "titres.Adjustment.made_by",
            "titres.Import.confirmed_by",
            "titres.Import.kept_by",
            "titres.Import.undo_asked_by",
            "titres.TitreEvent.by",
            "titres.TitreGroup.prepared_by",
            "titres.TitreGroup.confirmed_by",
        }


class TestRoutes:
    LIBRARIES = ("allauth.", "django.")  # behind the bureau's own door: `backoffice/policies.py` says who may

    @pytest.mark.parametrize("route", all_routes(), ids=str)
    def test_declare_their_policy(self, route):
        if route.is_ours:
            assert route.policy is not None
        else:
            assert route.view.__module__.startswith(self.LIBRARIES)
            assert route.host == "bureau"

    @pytest.mark.parametrize("route", [route for route in all_routes() if route.policy], ids=str)
    def test_declare_what_their_address_can_tell(self, route):
        if route.policy.tenant is not Tenant.NONE:
            assert route.parameters or route.host == "bureau"
        if route.host == "guichet":
            assert route.policy.who is Who.ANYBODY
        else:
            assert route.policy.frame is Frame.NOBODY

    def test_take_no_number_that_no_row_can_have(self):
        counted = {"notification", "account_notification"}  # a message to an address that is not ours
        assert {route.view.__name__ for route in all_routes() if "<int:" in route.path} == counted

    def test_of_the_guichet_set_no_cookie(self, committed_db):
        changes = {
            "ROOT_URLCONF": "regal.config.urls_guichet",
            "MIDDLEWARE": settings.GUICHET_MIDDLEWARE,
            "ALLOWED_HOSTS": ["testserver"],
        }
        with override_settings(**changes):
            client = Client(raise_request_exception=False)
            for route in routes("guichet"):
                if not route.parameters:
                    for answer in (client.get(f"/{route.path}"), client.post(f"/{route.path}")):
                        assert not answer.cookies, route


class TestGuichet:
    def test_has_no_middleware_that_knows_sessions_or_cookies(self):
        knowing = re.compile("session|csrf|auth|message|cookie", re.IGNORECASE)
        assert [one for one in settings.GUICHET_MIDDLEWARE if knowing.search(one)] == []

    def test_code_never_touches_a_cookie(self):
        for file in (REGAL / "checkout").rglob("*.py"):
            if "tests" not in file.parts:
                for node in ast.walk(tree(file)):
                    if isinstance(node, ast.Attribute):
                        assert node.attr not in ("set_cookie", "set_signed_cookie", "COOKIES", "session"), name(file)


class TestScreens:
    """`tests/journeys/screens.py` says how to reach every page: what is not there is examined by nobody."""

    WITHOUT_A_LINE = {
        "town/none.html": "a town site that nobody configured, or that fails; the demonstration configures both",
    }

    def test_show_every_page_of_ours_and_of_the_sandbox(self):
        pages = {
            inside
            for file in [*REGAL.rglob("templates/**/*.html"), *SANDBOX.rglob("templates/**/*.html")]
            if (inside := file.as_posix().rpartition("/templates/")[2]) not in self.WITHOUT_A_LINE
            and file.name != "base.html"
            and ("{% extends" in (text := file.read_text(encoding="utf-8")) or "<html" in text)
        }
        assert {screen.template for screen in (*GUICHET, *BUREAU, *SHOWN_BY_THE_SANDBOX)} == pages


class TestGateways:
    @pytest.mark.parametrize("gateway", GATEWAYS)
    def test_have_a_readme_and_keep_the_contract(self, gateway):
        folder = REGAL / "gateways" / gateway
        assert (folder / "README.md").read_text(encoding="utf-8").strip()
        bases = {
            dotted(base).split(".")[-1]
            for file in (folder / "tests").glob("test_*.py")
            for node in ast.walk(tree(file))
            if isinstance(node, ast.ClassDef)
            for base in node.bases
        }
        assert "GatewayContract" in bases

    def test_are_all_registered(self):
        assert {file.parent.name for file in (REGAL / "gateways").glob("*/gateway.py")} == set(GATEWAYS)


class TestPurity:
    """The moment, chance and the network come in from outside."""

    OUTSIDE = ("backoffice", "checkout", "config", "demo")  # the edges: views, commands, the demonstration
    CLOCKS = ("now", "utcnow", "today", "time.time", "localtime", "localdate")
    ALLOWED = {
        ("regal/agenda/operations.py", "random"): "spreads the retries",
        ("regal/lib/ports.py", "socket"): "asks whether a local port is free",
        ("regal/lib/embedded_postgres.py", "socket"): "where to put the server's socket",
        ("regal/lib/embedded_postgres.py", "secrets"): "the roles' passwords",
        ("regal/lib/mail.py", "smtplib"): "how far a letter came, and what the server said of it",
        ("regal/lib/tokens.py", "secrets"): "the usual source of an argument",
        ("regal/lib/vault.py", "secrets"): "the usual source of an argument",
    }

    def rooms(self) -> list[Path]:
        inside = [file for file in code() if file.parts[len(REGAL.parts)] not in self.OUTSIDE]
        return [file for file in inside if "management" not in file.parts]

    def test_reads_no_clock(self):
        found = []
        for file in self.rooms():
            for node in ast.walk(tree(file)):
                called = dotted(node.func) if isinstance(node, ast.Call) else ""
                last = called.split(".")[-1]
                is_ours = called in ("paris.today",)  # of a moment that is given
                if "." in called and not is_ours and (last in self.CLOCKS or called in self.CLOCKS):
                    found.append(f"{name(file)}: {called}")
        assert found == []

    def test_meets_no_chance_and_no_network(self):
        strangers = ("random", "secrets", "socket", "requests", "urllib.request", "http.client", "uuid", "smtplib")
        found = {
            (name(file), module.split(".")[0])
            for file in self.rooms()
            for module in imports(tree(file))
            if module.startswith(tuple(f"{stranger}." for stranger in strangers)) or module in strangers
        }
        assert found == set(self.ALLOWED)


class TestImports:
    def test_regal_and_its_sandbox_never_meet(self):
        for folder, other in ((REGAL, "regal_sandbox"), (SANDBOX, "regal")):
            for file in folder.rglob("*.py"):
                assert [one for one in imports(tree(file)) if one.split(".")[0] == other] == [], name(file)

    def test_of_migrations_are_no_application_code(self):
        fields = ("regal.lib.money_field", "regal.lib.tenancy")
        for file in REGAL.rglob("migrations/*.py"):
            ours = [one for one in imports(tree(file)) if one.startswith("regal")]
            assert [one for one in ours if not one.startswith(fields)] == [], name(file)

    def test_of_models_are_no_signals(self):
        for file in code():
            assert [one for one in imports(tree(file)) if "django.db.models.signals" in one] == [], name(file)


class TestNames:
    def test_say_what_a_file_is_about(self):
        empty_words = {"utils", "util", "helpers", "helper", "common", "services", "service", "misc", "tools"}
        folders = [REGAL, SANDBOX, ROOT / "tests"]
        named = [path for folder in folders for path in folder.rglob("*") if path.suffix in ("", ".py")]
        assert [name(path) for path in named if path.stem in empty_words] == []


class TestQuerysets:
    """The first wall: every question about a town's rows names the town. (The second is the database's.)"""

    READS_ALL = "proof"  # the verifier's role sees every town

    def test_begin_with_the_collectivite(self):
        models = {model.__name__ for model in apps.get_models() if issubclass(model, TenantModel)}
        found = []
        for file in code():
            if file.parts[len(REGAL.parts)] == self.READS_ALL:
                continue
            parents = {child: node for node in ast.walk(tree(file)) for child in ast.iter_child_nodes(node)}
            for node in ast.walk(tree(file)):
                if isinstance(node, ast.Attribute) and node.attr == "objects" and dotted(node.value) in models:
                    words = set(self.chain(node, parents))
                    if "of" not in words and not any(word.startswith("collectivite") for word in words):
                        found.append(f"{name(file)}:{node.lineno}")
        assert found == []

    def chain(self, node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
        """Every method, and every argument's name, of the chain of calls that begins here."""
        above = parents.get(node)
        while isinstance(above, ast.Attribute) or (isinstance(above, ast.Call) and above.func is node):
            if isinstance(above, ast.Attribute):
                yield above.attr
            else:
                yield from (keyword.arg or "" for keyword in above.keywords)
            node, above = above, parents.get(above)


class TestTemplates:
    TEMPLATES = sorted([*REGAL.rglob("templates/**/*.html"), *REGAL.rglob("templates/**/*.txt")])
    FRENCH_ONLY = ("regal/demo/",)  # the demonstration's start page
    NAMES = {"REGAL", "PayFiP", "TIPI", "DGFiP", "Paybox", "RGAA", "PDF", "fr", "en", "Français", "English"}

    @staticmethod
    def inside(file: Path) -> str:
        return file.as_posix().rpartition("/templates/")[2]

    def test_are_all_used(self):
        sources = [file.read_text(encoding="utf-8") for file in code()]
        sources += [file.read_text(encoding="utf-8") for file in self.TEMPLATES]
        text = "\n".join(sources)
        overriding = ("account/", "mfa/", "allauth/", "socialaccount/", "usersessions/")  # of django-allauth, by name
        by_django = {"404.html", "500.html", "403.html", "400.html"}
        unused = [
            inside
            for inside in map(self.inside, self.TEMPLATES)
            if f'"{inside}"' not in text and not inside.startswith(overriding) and inside not in by_django
        ]
        assert unused == []

    @pytest.mark.parametrize("file", TEMPLATES, ids=name)
    def test_hold_no_text_that_cannot_be_translated(self, file):
        if name(file).startswith(self.FRENCH_ONLY):
            return
        words = {
            word for text in bare_texts(file) for word in re.findall(r"[^\W\d_]{2,}", text) if word not in self.NAMES
        }
        assert words == set()

    @pytest.mark.parametrize("file", TEMPLATES, ids=name)
    def test_load_nothing_from_elsewhere(self, file):
        text = file.read_text(encoding="utf-8")
        loading = r"<(?:script|link|img|iframe|source|video|audio|object|embed|form)\b[^>]*?"
        assert re.findall(rf"{loading}(?:src|href|action|data|srcset)=[\"']?(?:https?:)?//", text) == []
        assert "<style" not in text
        assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", text) == []
        assert re.findall(r"\s(?:on[a-z]+|style)=[\"']", text) == []

    def test_static_files_load_nothing_from_elsewhere(self):
        for file in [*REGAL.rglob("static/**/*.css"), *REGAL.rglob("static/**/*.js")]:
            text = file.read_text(encoding="utf-8")
            assert re.findall(r"(?:url\(|@import|import|from|fetch\()\s*[\"'(]*\s*(?:https?:)?//", text) == [], name(
                file
            )


class BareText(HTMLParser):
    READ_ALOUD = ("alt", "title", "placeholder", "aria-label")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style")
        self.texts += [value for key, value in attrs if key in self.READ_ALOUD and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.texts.append(data)


def bare_texts(file: Path) -> list[str]:
    """What a reader would see of a template that no translation reaches."""
    kept, until = [], ""
    for token in Lexer(file.read_text(encoding="utf-8")).tokenize():
        word = token.contents.split(" ")[0] if token.token_type is TokenType.BLOCK else ""
        if until:
            until = "" if word == until else until
        elif word in ("blocktranslate", "blocktrans", "comment", "verbatim"):
            until = f"end{word}"
        elif token.token_type is TokenType.TEXT:
            kept.append(token.contents)
    parser = BareText()
    parser.feed("".join(kept))
    parser.close()
    return parser.texts


class TestPythonStrings:
    """French a payer or an agent reads goes through gettext."""

    TRANSLATED = {
        "_",
        "gettext",
        "gettext_lazy",
        "gettext_noop",
        "ngettext",
        "ngettext_lazy",
        "pgettext",
        "pgettext_lazy",
    }
    FRENCH = re.compile("[àâçéèêëîïôùûüœÀÂÇÉÈÊËÎÏÔÙÛÜŒ’«»]")

    WORDS_OF_THE_FIELD = re.compile("collectivité|régie|régisseur|Français")  # in English sentences; a language's name

    def files(self) -> list[Path]:
        shown = [file for file in code() if file.parts[len(REGAL.parts)] in ("checkout", "backoffice")]
        shown += [file for file in code() if file.name in ("refusals.py", "forms.py", "models.py")]
        return [file for file in shown if "management" not in file.parts]

    def test_can_be_translated(self):
        found = []
        for file in sorted(set(self.files())):
            module = tree(file)
            spared = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}  # docstrings
            for node in ast.walk(module):
                if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in self.TRANSLATED:
                    spared.update(id(inner) for inner in ast.walk(node))
            for node in ast.walk(module):
                is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spared
                if is_text and self.FRENCH.search(self.WORDS_OF_THE_FIELD.sub("", node.value)):  # type: ignore[attr-defined]
                    found.append(f"{name(file)}:{node.lineno}")  # type: ignore[attr-defined]
        assert found == []


class TestRequirements:
    @pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=name)
    def test_name_no_host(self, file):
        text = file.read_text(encoding="utf-8")
        assert re.findall(r"://|--index-url|--extra-index-url|--find-links|--trusted-host|^-[fi] ", text, re.M) == []

    @pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=name)
    def test_are_pinned_with_hashes(self, file):
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if re.match(r"[A-Za-z0-9]", line)]
        assert [line for line in lines if "==" not in line] == []
        assert file.read_text(encoding="utf-8").count("--hash=sha256:") >= len(lines)


class TestTests:
    def test_never_sleep(self):
        """A test that waits for something asks again and again (`until`); one that sleeps is slow or wrong."""
        waiting = {"tests/demo.py", "regal/lib/tests/test_embedded_postgres.py"}  # for processes
        files = [*(ROOT / "tests").rglob("*.py"), *REGAL.rglob("tests/*.py")]
        for file in files:
            calls = {dotted(node.func) for node in ast.walk(tree(file)) if isinstance(node, ast.Call)}
            assert not calls & {"time.sleep", "sleep"} or name(file) in waiting, name(file)
