"""A thousand notices in one PDF: what reading, wording and setting them costs, and how much memory it takes.

They are those of the base that `bench_titres` filled. The PDF is set in a process apart, whose memory is measured.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from regal.collectivites.models import Collectivite
from regal.demo.bench_titres import MARK
from regal.lib.tenancy import tenant
from regal.notices import operations
from regal.notices.wording import worded
from regal.titres.models import Titre
from regal.titres.states import State

NOTICES = 1_000
SET = """
import json, resource, sys, time
from pathlib import Path
import typst
started = time.process_time()
document = typst.compile(
    sys.argv[1], format="pdf", sys_inputs={"data": Path(sys.argv[2]).read_text(encoding="utf-8")},
    pdf_standards="ua-1", ignore_system_fonts=True, timestamp=0,
)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
print(json.dumps({"cpu_seconds": time.process_time() - started, "peak_mb": peak, "bytes": len(document)}))
"""


def measure(*, say: Callable[[str], object]) -> str:
    """Read, word, set, and give the table."""
    say(f"{NOTICES} avis…")
    town = Collectivite.objects.get(slug=f"{MARK}-0")
    started = time.process_time()
    with tenant(town):
        waiting = Titre.objects.of(town).filter(status=State.OPEN, paid_at__isnull=True).order_by("pk")
        keys = list(waiting.values_list("pk", flat=True)[: NOTICES * 2])
        found = operations.read_some(keys, collectivite=town).asked[:NOTICES]
    notices = [worded(asked) for asked in found]
    data = operations.data_of(notices, collectivite=town, logo=b"")
    reading = time.process_time() - started
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notices.json"
        path.write_text(data, encoding="utf-8")
        answer = subprocess.run(
            [sys.executable, "-c", SET, str(operations.TEMPLATE), str(path)],
            check=True,
            capture_output=True,
            text=True,
        )
    told = json.loads(answer.stdout)
    count = len(notices)
    each = (reading + told["cpu_seconds"]) * 1000 / max(count, 1)
    return "\n".join(
        [
            "| avis | lus et dits, CPU | mis en PDF, CPU | CPU par avis | mémoire du PDF en cours | taille |",
            "|---:|---:|---:|---:|---:|---:|",
            f"| {count} | {reading:.2f} s | {told['cpu_seconds']:.2f} s | {each:.1f} ms | {told['peak_mb']} Mo |"
            f" {told['bytes'] // 1000} ko |",
        ]
    )
