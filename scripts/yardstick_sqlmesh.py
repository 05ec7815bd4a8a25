#!/usr/bin/env python3
"""Plan the same transform/ with materia and with SQLMesh, and compare what they build and how long they take.

    python3 scripts/yardstick_sqlmesh.py [--landing DIR | --sample] [--work DIR] [--repeat N]

Both get the same landing files and an unchanged copy of transform/. Every table of prod is compared row for row, with the
names and types of its columns; one difference fails the run. Times are those of whole processes, the shortest of N.

The landing files come from --landing; else from the real upstream files, served by replay.py beside MATERIA_REAL_DATA
(default ../shared/data); else, or with --sample, from materia's own sample upstream. SQLMesh reads the same
files under another folder, with an empty one where a source has none, as materia gives itself: DuckDB refuses a pattern that
matches nothing. SQLMesh lives in a virtual environment under --work
(default tmp/yardstick), made from PyPI on first use. Needs bin/materia (make build). Standard library only.
"""
import argparse
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
SQLMESH = ["sqlmesh==0.236.4", "duckdb==1.5.6"]  # DuckDB as linked into materia, so that its rounding is the same
NOW = "2026-02-01T12:00:00Z"  # the replay's day

# Runs in the virtual environment: table by table, what stands in one file and not in the other.
COMPARE = """
import json, sys, duckdb
ours, theirs, models, work = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
exported = {}
for name, path in (("materia", ours), ("sqlmesh", theirs)):
    db = duckdb.connect(path, read_only=True)
    db.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    for m in models:
        columns = [(r[0], r[1]) for r in db.execute(f"DESCRIBE SELECT * FROM {m}").fetchall()]
        file = f"{work}/{name}.{m}.parquet"
        db.execute(f"COPY (SELECT * FROM {m}) TO '{file}' (FORMAT parquet)")
        exported[name, m] = (columns, file)
    db.close()
db = duckdb.connect()
db.execute("SET enable_progress_bar = false")
report = []
for m in models:
    (ours_columns, a), (theirs_columns, b) = exported["materia", m], exported["sqlmesh", m]
    row = {"model": m, "rows": db.execute(f"SELECT count(*) FROM '{a}'").fetchone()[0],
           "their_rows": db.execute(f"SELECT count(*) FROM '{b}'").fetchone()[0], "columns": len(ours_columns), "differs": []}
    if ours_columns != theirs_columns:
        row["differs"].append(f"columns: materia {ours_columns}, sqlmesh {theirs_columns}")
    else:
        for who, x, y in (("materia", a, b), ("sqlmesh", b, a)):
            only = f"(SELECT * FROM '{x}' EXCEPT ALL SELECT * FROM '{y}')"
            n = db.execute(f"SELECT count(*) FROM {only}").fetchone()[0]
            if n:
                row["differs"].append(f"{n} rows in {who} only, for example {db.execute(f'SELECT * FROM {only} LIMIT 1').fetchone()}")
    report.append(row)
print(json.dumps(report))
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, env, cwd, want=(0,)):
    """Seconds and standard output of a command; a failure shows what it said."""
    began = time.monotonic()
    done = subprocess.run(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    took = time.monotonic() - began
    if done.returncode not in want:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return took, done.stdout


def environment(work):
    """The virtual environment's bin folder, made once for each list of packages."""
    folder = work / "venv"
    made = folder / "packages.txt"
    if not made.exists() or made.read_text().split() != SQLMESH:
        say("making a virtual environment with " + ", ".join(SQLMESH))
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *SQLMESH], os.environ, work)
        made.write_text("\n".join(SQLMESH))
    return folder / "bin"


def land(materia, env, work, sample):
    """Fill LANDING_DIR from the real files where they are, else from the sample upstream."""
    data = pathlib.Path(os.environ.get("MATERIA_REAL_DATA", ROOT / ".." / "shared" / "data"))
    replay = data / ".." / "yardstick" / "replay.py"
    if sample or not replay.exists():
        say("landing what the sample upstream has" if sample else f"no {replay}: landing what the sample upstream has")
        (work / "demo").mkdir()
        run([materia, "demo", "--once", "--dir", work / "demo"], {**env, "DUCKDB_PATH": str(work / "demo" / "lakehouse.duckdb")}, ROOT)
        return
    server = subprocess.Popen([sys.executable, replay, "--data", data], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().split()[-1]
        say("landing the real files")
        # 3: what the replay does not have fails a source, and the rest lands
        run([materia, "pipeline", "run", "extract", "--since", "2000-01-01"], {**env, "MATERIA_UPSTREAM": url}, ROOT, want=(0, 3))
    finally:
        server.terminate()
        server.wait()


def stand_ins(project, landing):
    """An empty file for each pattern of a model that matches none."""
    for model in sorted(project.glob("models/**/*.sql")):
        for pattern in re.findall(r"@landing_dir \|\| '/([^']+)'", model.read_text()):
            if not any(landing.glob(pattern)):
                say(f"no file for {pattern}: an empty one for SQLMesh")
                file = landing / pattern.replace("*", "none")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(gzip.compress(b"") if file.suffix in (".gz", ".gzip") else b"")


def fastest(repeat, command, env, cwd, want=(0,)):
    return min(run(command, env, cwd, want)[0] for _ in range(repeat))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--landing", type=pathlib.Path, help="a landing zone to read; default: one is made")
    p.add_argument("--sample", action="store_true", help="use the sample upstream even where the real files are")
    p.add_argument("--work", type=pathlib.Path, default=ROOT / "tmp" / "yardstick", help="where everything is put")
    p.add_argument("--repeat", type=int, default=3, help="how often each step but the first plan is timed")
    args = p.parse_args()
    materia, work = ROOT / "bin" / "materia", args.work.resolve()
    if not materia.exists():
        sys.exit(f"{materia} is missing: make build")
    work.mkdir(parents=True, exist_ok=True)
    bin_folder = environment(work)
    for old in ("project", "demo", "export"):
        shutil.rmtree(work / old, ignore_errors=True)
    for old in [*work.glob("ours.duckdb*"), *work.glob("theirs.duckdb*"), work / "serving.duckdb"]:
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
    (work / "export").mkdir()
    project = work / "project"
    shutil.copytree(ROOT / "transform", project)  # SQLMesh writes logs and a cache into the project
    landing = work / "landing"
    shutil.rmtree(landing, ignore_errors=True)
    if args.landing:
        shutil.copytree(args.landing, landing, symlinks=True)
    env = {**os.environ, "LANDING_DIR": str(landing), "SERVING_DUCKDB_PATH": str(work / "serving.duckdb"),
           "MATERIA_NOW": NOW, "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1", "DO_NOT_TRACK": "1", "TZ": "UTC"}
    ours = {**env, "DUCKDB_PATH": str(work / "ours.duckdb")}
    linked = work / "landing_sqlmesh"
    shutil.rmtree(linked, ignore_errors=True)
    theirs = {**env, "DUCKDB_PATH": str(work / "theirs.duckdb"), "LANDING_DIR": str(linked)}
    if not args.landing:
        land(materia, ours, work, args.sample)
    shutil.copytree(landing, linked, copy_function=os.link)
    stand_ins(project, linked)

    sqlmesh = [bin_folder / "sqlmesh", "--paths", project]
    prod = ["prod", "--auto-apply"]
    steps = []
    say("first plan, materia")
    first = run([materia, "--project", project, "plan", *prod], ours, work)[0]
    say("first plan, SQLMesh")
    steps.append(("first plan", first, run([*sqlmesh, "plan", *prod, "--no-prompts"], theirs, work)[0]))
    for name, our, their in (
        ("plan without changes", ["plan", *prod], ["plan", *prod, "--no-prompts"]),
        ("run with nothing new", ["run", "prod"], ["run", "prod"]),
        ("tests", ["test"], ["test"]),
    ):
        say(name)
        steps.append((name, fastest(args.repeat, [materia, "--project", project, *our], ours, work),
                      fastest(args.repeat, [*sqlmesh, *their], theirs, work)))

    _, text = run([materia, "--project", project, "query", "--json", "--db", "lakehouse",
                   """SELECT model FROM materia.environment_models JOIN materia.environments USING (env, plan_id)
                      WHERE env = 'prod' ORDER BY position"""], ours, work)
    models = [row["model"] for row in json.loads(text)]
    say(f"comparing {len(models)} tables")
    _, text = run([bin_folder / "python", "-c", COMPARE, work / "ours.duckdb", work / "theirs.duckdb", json.dumps(models), work / "export"], env, work)
    report = json.loads(text)

    print(f"{'table of prod':44} {'rows':>10} {'columns':>8}")
    for r in report:
        print(f"{r['model']:44} {r['rows']:>10,} {r['columns']:>8}" + ("" if not r["differs"] else "  DIFFERS"))
        for d in r["differs"]:
            print(f"    {d}")
    print(f"\n{'seconds, whole process':24} {'materia':>9} {'SQLMesh':>9} {'ratio':>7}")
    for name, a, b in steps:
        print(f"{name:24} {a:>9.3f} {b:>9.3f} {b / a:>6.1f}x")
    different = [r["model"] for r in report if r["differs"]]
    if different:
        sys.exit(f"\n{len(different)} of {len(report)} tables differ: {', '.join(different)}")
    print(f"\nall {len(report)} tables of prod are equal row for row")


if __name__ == "__main__":
    main()
