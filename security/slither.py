"""Compares slither's report with what was judged: every finding above "informational" is in slither.toml, and none there is gone.

    slither.py REPORT.json slither.toml

Exit code 0 if they agree, 1 if not.
"""

import json
import re
import sys
import tomllib

JUDGED = {"High", "Medium", "Low", "Optimization"}


def where(finding: dict) -> str:
    """The contract's member that a finding is about, as `Contract.member`, without parameters and lines."""
    text = finding["description"].strip().removeprefix("Reentrancy in ")
    return re.split(r"[( ]", text, maxsplit=1)[0]


def main(report_path: str, judged_path: str) -> int:
    with open(report_path, encoding="utf-8") as file:
        report = json.load(file)
    if not report["success"]:
        print(f"error: slither failed: {report['error']}", file=sys.stderr)
        return 1
    with open(judged_path, "rb") as file:
        accepted = {(entry["check"], entry["where"]) for entry in tomllib.load(file)["accepted"]}

    found = {}
    for finding in report["results"].get("detectors", []):
        if finding["impact"] in JUDGED:
            found.setdefault((finding["check"], where(finding)), finding["description"].strip())
    for key in sorted(found.keys() - accepted):
        print(f"error: new finding: {key[0]} in {key[1]}\n{found[key]}", file=sys.stderr)
    for check, member in sorted(accepted - found.keys()):
        print(f"error: {check} in {member} is accepted in {judged_path} but not found any more", file=sys.stderr)
    if found.keys() != accepted:
        print(f"hint: mend the contract, or judge the finding in {judged_path}", file=sys.stderr)
        return 1
    print(f"slither: {len(found)} findings, all judged")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
