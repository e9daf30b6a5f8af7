"""Where a PES Retour says that each debt stands: told piece after piece, and nothing where it cannot be read."""

import pytest

from regal.gateways.base import DebtKind
from regal.gateways.files import FiledPiece, Said
from regal.gateways.payfip_files import read_pes_retour
from regal.gateways.payfip_files.tests.flows import article, bordereau, flow, line, paid, piece, settlement
from regal.gateways.payfip_files.tests.test_pes_retour import SAMPLE
from regal.lib.money import Money


def pieces(content: bytes) -> list[FiledPiece]:
    told: list[FiledPiece] = []
    read_pes_retour(content, tell=told.append)
    return told


def said(content: bytes) -> list[Said]:
    return [one.said for one in pieces(content)]


def of_line(state: str, *settlements: str) -> bytes:
    return flow(bordereau(piece(line(*settlements, EtatLigPce=state))))


class TestSample:
    def test_tells_of_each_titre_and_not_of_the_request_for_one(self):
        told = [(one.debt.reference, one.said, one.collected, one.amount) for one in pieces(SAMPLE.read_bytes())]
        assert told == [
            ("202600000412000001", Said.SETTLED, Money(3_840), Money(3_840)),
            ("202600000414000001", Said.TAKEN, Money(20_000), Money(45_500)),
            ("202600000415000001", Said.REJECTED, Money(0), Money(12_000)),
        ]


class TestState:
    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("01", Said.REJECTED),
            ("02", Said.CANCELLED),
            ("03", Said.SUSPENDED),
            ("04", Said.TAKEN),
            ("4", Said.TAKEN),
            ("05", Said.SETTLED),
            ("06", Said.WRITTEN_OFF),
        ],
    )
    def test_of_a_line_in_charge_is_its_own(self, state, expected):
        assert said(of_line(state)) == [expected]

    @pytest.mark.parametrize(("state", "expected"), [("01", "suspended"), ("04", "rejected"), ("05", "cancelled")])
    def test_of_the_piece_comes_before_that_of_its_lines(self, state, expected):
        assert said(flow(bordereau(piece(line(EtatLigPce="04"), EtatPce=state)))) == [Said(expected)]

    def test_that_no_line_tells_is_in_charge_and_said_to_be_untold(self):
        [told] = pieces(paid(settlement(origin="02")))
        assert (told.said, told.is_told, told.collected) == (Said.TAKEN, False, Money(3_840))

    @pytest.mark.parametrize("state", ["07", "99", "X"])
    def test_that_no_table_knows_says_nothing_and_refuses_nothing(self, state):
        assert said(of_line(state)) == []
        assert said(flow(bordereau(piece(line(EtatLigPce="05"), EtatPce=state)))) == []

    @pytest.mark.parametrize("type", ["02", "03", "04", "05", "07", "99"])
    def test_in_another_bordereau_is_no_debt_s(self, type):
        assert said(flow(bordereau(piece(line(EtatLigPce="05")), type=type), bordereau(type="01"))) == []

    @pytest.mark.parametrize("number", ["", "A12", "1" * 16])
    def test_of_a_number_that_cannot_be_read_is_nobody_s(self, number):
        assert said(flow(bordereau(piece(line(EtatLigPce="05"), number=number)))) == []


class TestCollected:
    def test_is_the_total_that_the_file_gives_before_the_settlements_that_it_shows(self):
        content = of_line("04", settlement("10.00", origin="02")).replace(
            b"</InfoLignePiece>", b'</InfoLignePiece><InfoRecouvrement><MtRecoTot V="30.50"/></InfoRecouvrement>'
        )
        assert pieces(content)[0].collected == Money(3_050)

    def test_sums_the_settlements_of_every_means_and_takes_off_what_was_cancelled(self):
        settlements = [settlement("10.00", origin="02"), settlement("5.00"), settlement("-2.50", origin="02")]
        assert pieces(of_line("04", *settlements))[0].collected == Money(1_250)

    @pytest.mark.parametrize("total", [b'<MtRecoTot V="x"/>', b'<MtRecoTot V="1.00"/><MtRecoTot V="2.00"/>'])
    def test_is_not_known_where_it_cannot_be_read(self, total):
        content = of_line("04").replace(
            b"</InfoLignePiece>", b"</InfoLignePiece><InfoRecouvrement>" + total + b"</InfoRecouvrement>"
        )
        [told] = pieces(content)
        assert (told.said, told.collected) == (Said.TAKEN, None)


class TestArticle:
    def lines(self, *states: str) -> bytes:
        several = [
            line(settlement("4.00", origin="02"), number=str(place), CodProdLoc="EA", EtatLigPce=state, MtHT="5.00")
            for place, state in enumerate(states, start=1)
        ]
        return flow(bordereau(article(*several), type="06"))

    def test_is_one_debt_with_all_its_lines(self):
        [told] = pieces(self.lines("05", "05"))
        assert (told.debt.kind, told.debt.exercice, told.debt.number) == (DebtKind.ORMC, 2026, "12")
        assert (told.debt.code, told.debt.period, told.amount) == ("EA", "1", Money(1_000))
        assert (told.said, told.collected) == (Said.SETTLED, Money(800))

    @pytest.mark.parametrize(("states", "expected"), [(("05", "04"), Said.TAKEN), (("02", "05"), Said.SETTLED)])
    def test_stands_where_its_gravest_line_does(self, states, expected):
        assert said(self.lines(*states)) == [expected]

    def test_says_nothing_where_one_line_does_not(self):
        assert said(self.lines("05", "99")) == []
