"""Measures py-agent-kernel beside Kestrel: one JSON object a name, as bench/main.ts prints them.

Usage: python agent_kernel.py NAME... --seconds S
"""

import argparse
import itertools
import json
import platform
import tempfile
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from agent_os_kernel import ActionRequest, CapabilityRule, Kernel, Policy
from agent_os_kernel.providers.filesystem import FilesystemProvider

FILES = 16
CONTENT = ("kestrel,bench,0123456789abcdef\n" * 34)[:1024]
LOG = "JSON lines, flushed to the system, never synced, without hash, signature or proof"


def measure(operation, seconds, per_sample=1, threads=1):
    numbers = itertools.count()

    def loop(until, samples):
        start = time.perf_counter()
        while start < until:
            for _ in range(per_sample):
                operation(next(numbers))
            end = time.perf_counter()
            if samples is not None:
                samples.append(end - start)
            start = end

    def loops(for_seconds, of_each):
        begin = time.perf_counter()
        if threads == 1:
            loop(begin + for_seconds, of_each and of_each[0])
        else:
            with ThreadPoolExecutor(threads) as pool:
                futures = [pool.submit(loop, begin + for_seconds, of_each and of_each[i]) for i in range(threads)]
                for future in futures:
                    future.result()
        return time.perf_counter() - begin

    loops(min(2.0, max(0.2, seconds * 0.25)), None)
    of_each = [array("d") for _ in range(threads)]
    cpu = time.process_time()
    elapsed = loops(seconds, of_each)
    cpu = time.process_time() - cpu
    ordered = sorted(itertools.chain.from_iterable(of_each))

    def at(share):
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e6 / per_sample, 3)

    n = len(ordered) * per_sample
    figures = {"opsPerSec": round(n / elapsed), "p50Us": at(0.5), "p99Us": at(0.99), "n": n}
    return figures, {"cpuUsPerOp": round(cpu * 1e6 / n, 2)}


def through_the_gate(name, seconds, folder):
    workspace = Path(folder) / "workspace"
    (workspace / "output").mkdir(parents=True)
    for index in range(FILES):
        (workspace / f"in-{index}.csv").write_text(CONTENT)
        (workspace / "output" / f"out-{index}.csv").write_text(CONTENT)
    policy = Policy(
        capabilities=[
            CapabilityRule("fs.read", f"{workspace}/in-*"),
            CapabilityRule("fs.write", f"{workspace}/output/*"),
        ]
    )

    def deny(kernel, _):
        return kernel.submit(ActionRequest("fs.read", f"{workspace}/.env")).status == "DENIED"

    def read(kernel, index):
        return kernel.submit(ActionRequest("fs.read", f"{workspace}/in-{index % FILES}.csv")).status == "OK"

    def write(kernel, index):
        request = ActionRequest("fs.write", f"{workspace}/output/out-{index % FILES}.csv", {"content": CONTENT})
        return kernel.submit(request).status == "OK"

    def mixed(kernel, index):
        turn = index % 10
        return write(kernel, index) if turn == 9 else deny(kernel, index) if turn in (3, 6) else read(kernel, index)

    send = {"deny": deny, "read": read, "write": write, "mixed": mixed, "concurrent": mixed, "write64": write}[name]
    threads = 64 if name in ("concurrent", "write64") else 1
    with Kernel(policy=policy, providers=[FilesystemProvider()], log_path=Path(folder) / "kernel.log") as kernel:

        def operation(index):
            if not send(kernel, index):
                raise SystemExit(f"`{name}` ended otherwise than expected")

        measured, cpu = measure(operation, seconds, threads=threads)
    return measured, {**cpu, "threads": threads, "log": LOG, "differs": DIFFERS[name]}


DIFFERS = {
    "deny": "no deny rules: the file is refused because no rule matches it",
    "read": "returns text only; follows links",
    "write": "overwrites in place, not atomic, not synced, no undo; its entry is written after the effect, no intent before it",
    "mixed": "as deny, read and write",
    "concurrent": "as mixed; 64 threads of one process",
    "write64": "as write; 64 threads of one process",
}


def decide(rules, others, seconds):
    other_rules = [CapabilityRule(f"fn.tool_{i % 100}", f"/workspace/folder-{i}/*") for i in range(others)]
    own_rules = [CapabilityRule("fs.read", f"/workspace/folder-{i}/*") for i in range(rules)]
    policy = Policy(capabilities=other_rules + own_rules)
    requests = [ActionRequest("fs.read", f"/workspace/folder-{(i * 7919) % rules}/data.csv") for i in range(1024)]

    def operation(index):
        if not policy.is_allowed(requests[index % 1024]):
            raise SystemExit("a decision of the benchmark is no permit")

    per_sample = 1 if rules + others > 100 else 16
    measured, cpu = measure(operation, seconds, per_sample)
    differs = "fnmatch over all rules in order; `*` crosses `/`"
    return measured, {**cpu, "rules": rules, "rulesForOtherActions": others, "perSample": per_sample, "differs": differs}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+")
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    for name in options.names:
        if name.startswith("decide"):
            count = int(name.removeprefix("decide").removesuffix("other"))
            rules, others = (1, count) if name.endswith("other") else (count, 0)
            measured, conditions = decide(rules, others, options.seconds)
        else:
            with tempfile.TemporaryDirectory(prefix="kestrel-bench-peer-") as folder:
                measured, conditions = through_the_gate(name, options.seconds, folder)
        conditions = {"peer": f"py-agent-kernel {version('py-agent-kernel')}", "python": platform.python_version(), **conditions}
        print(json.dumps({"name": name, **measured, "conditions": conditions}), flush=True)


main()
