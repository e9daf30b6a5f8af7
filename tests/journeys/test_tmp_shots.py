import pytest
from tests.journeys.test_accessibility import *  # noqa
from tests.journeys import test_accessibility as t
MINE = [s for s in t.SCREENS if "aybox" in s.name or "keys of" in s.name or "address of a contract" in s.name or "choose a contract" in s.name or "payment page" in s.name or s.name in ("contracts", "dashboard", "payments", "contract, tested", "audit", "settings")]
del TestEveryScreen
for _n in [n for n in list(globals()) if n.startswith("Test")]:
    del globals()[_n]
class TestShots:
    @pytest.mark.parametrize("screen", MINE, ids=str)
    def test_shot(self, demo, written, page, titles, screen):
        t.visit(page.main_frame, demo, written, screen)
        for w in (1280, 320):
            page.set_viewport_size({"width": w, "height": 900})
            page.screenshot(path=f"/tmp/wt/tmp.desk/{screen.name.replace(' ', '_').replace(',','')}-{w}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})
        found = t.examine(page, at_360=not screen.is_framed)
        assert not found, "\n".join(found)
