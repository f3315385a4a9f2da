"""Requests that arrive when they are due, whatever became of those before them.

The times of arrival are drawn beforehand, as of independent users (Poisson), from a
fixed seed.  Workers, threads of this process, take them in order; one that is free
before the next request is due waits for it.  A latency runs from the time at which the
request was due until its answer is there.  So where every worker is busy, or the
process stands still, the wait counts for each request that came meanwhile.
pgbench --rate does the same over the wire.
"""
import multiprocessing
import random
import threading
import time


def arrivals(rate, seconds, seed=1):
    """Seconds after the start, in order."""
    source, at, times = random.Random(seed), 0.0, []
    while True:
        at += source.expovariate(rate)
        if at >= seconds:
            return times or [0.0]
        times.append(at)


class Run:
    """The latencies in us, sorted; how many came per second; the processor time of this process in s."""

    def __init__(self, latencies, elapsed, processor):
        self.latencies, self.elapsed, self.processor = sorted(latencies), elapsed, processor

    def at(self, share):
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


def run(make, rate, seconds, workers):
    """make(number) is called in each worker and gives its function of a request's number."""
    due = arrivals(rate, seconds)
    requests, lock, latencies, failures = iter(range(len(due))), threading.Lock(), [], []
    ready, start = threading.Barrier(workers + 1), [0.0]

    def work(number):
        own = []
        try:
            ask = make(number)
            ask(number)
        except Exception as error:  # told by the one who started the threads
            failures.append(error)
        ready.wait()
        ready.wait()
        try:
            while not failures:
                with lock:
                    at = next(requests, None)
                if at is None:
                    break
                wait = start[0] + due[at] - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                ask(at)
                own.append((time.perf_counter() - start[0] - due[at]) * 1e6)
        except Exception as error:
            failures.append(error)
        latencies.extend(own)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    ready.wait()
    start[0], processor = time.perf_counter(), time.process_time()
    ready.wait()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Run(latencies, time.perf_counter() - start[0], time.process_time() - processor)


def busy(stop):
    """What a program does beside: parses the answers of models, never waiting."""
    import json
    text = json.dumps([{"role": "assistant", "content": "word " * 200}] * 20)
    while not stop.is_set():
        json.loads(text)


def run_beside_work(make, rate, seconds, workers):
    stop = threading.Event()
    thread = threading.Thread(target=busy, args=(stop,))
    thread.start()
    try:
        return run(make, rate, seconds, workers)
    finally:
        stop.set()
        thread.join()


def child(pipe, function, arguments):
    try:
        pipe.send((function(*arguments), None))
    except Exception as error:
        pipe.send((None, f"{type(error).__name__}: {error}"))


def in_process(function, *arguments):
    """The function's result in a process of its own, which nothing else has used before."""
    return in_processes(1, function, *arguments)[0]


def in_processes(count, function, *arguments):
    """The results of that many processes at once."""
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(count)]
    processes = [context.Process(target=child, args=(send, function, arguments)) for _, send in pipes]
    for process in processes:
        process.start()
    for _, send in pipes:
        send.close()
    try:
        answers = [receive.recv() for receive, _ in pipes]
    finally:
        for process in processes:
            process.join()
    for _, problem in answers:
        if problem:
            raise RuntimeError(problem)
    return [answer for answer, _ in answers]
