"""What is gathered only when Prometheus asks: the store's counts, and the other workers' samples."""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Stored(Protocol):
    """What metrics read off a store when they are scraped."""

    stored: int
    lost: int

    @property
    def queued(self) -> int:
        """Receipts that wait."""
        ...

    @property
    def problem(self) -> str | None:
        """Why nothing can be stored, or None."""
        ...


class StoreCollector(Collector):
    """Reads a store's counts when metrics are scraped."""

    def __init__(self, store: Stored) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        store = self._store
        yield CounterMetricFamily("steady_receipts_stored", "Receipts on disk.", value=store.stored)
        yield CounterMetricFamily("steady_receipts_lost", "Receipts that could not be stored.", value=store.lost)
        yield GaugeMetricFamily("steady_receipts_queued", "Receipts that wait to be written.", value=store.queued)
        broken = 0 if store.problem is None else 1
        yield GaugeMetricFamily("steady_store_broken", "Processes whose store can't be written.", value=broken)


class Sum(Collector):
    """A registry's samples, with those of other workers added; times of creation left out, they double the series."""

    def __init__(self, registry: CollectorRegistry, others: Iterable[bytes]) -> None:
        self._registry = registry
        self._others: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for other in others:
            for name, labels, value in msgspec.json.decode(other):
                key = (name, tuple(sorted(labels.items())))
                self._others[key] = self._others.get(key, 0.0) + value

    def collect(self) -> Iterable[Metric]:
        left = dict(self._others)
        for family in self._registry.collect():
            merged = Metric(family.name, family.documentation, family.type, family.unit)
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    more = left.pop((sample.name, tuple(sorted(sample.labels.items()))), 0.0)
                    merged.samples.append(sample._replace(value=sample.value + more))
            self._add_missing(merged, left)
            yield merged

    def _add_missing(self, family: Metric, left: dict[Any, float]) -> None:
        """Add the series that only other workers have, whole children at a time and in their own order."""
        names = [f"{family.name}{end}" for end in ("", "_total", "_bucket", "_count", "_sum")]
        for name, labels in [key for key in left if key[0] in names]:
            family.add_sample(name, dict(labels), left.pop((name, labels)))
