"""`python -m tools.bench [startup step collate images] [--json FILE]`: one table of ratios, JSON beside it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ALL = ("startup", "step", "collate", "images")


def main(arguments: list[str]) -> int:
    target = Path("tools/bench/results.json")
    if "--json" in arguments:
        position = arguments.index("--json")
        target = Path(arguments[position + 1])
        del arguments[position : position + 2]
    unknown = [name for name in arguments if name not in ALL]
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}. Choose from: {', '.join(ALL)}.", file=sys.stderr)
        return 2
    found = []
    print(f"{'ratio':60} {'value':>7} {'bound':>8}   ours / other")
    for name in arguments or ALL:
        for ratio in import_module(f"tools.bench.{name}").measure():
            found.append({**asdict(ratio), "holds": ratio.holds})
            sign = ">=" if ratio.at_least else "<="
            print(
                f"{ratio.name:60} {ratio.value:7.3f} {sign} {ratio.bound:<5} {'' if ratio.holds else 'MISSED '}"
                f"{ratio.ours:.4g} / {ratio.other:.4g} {ratio.unit}",
                flush=True,
            )
    target.write_text(json.dumps(found, indent=1) + "\n")
    print(f"JSON: {target}")
    return 0 if all(item["holds"] for item in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
