"""Listings, CSV and Parquet, read by what people analyse with: each sees the same runs."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from tests.support.run_lists import BEGAN, Listed, RunLists

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.distributed

COUNT = 350
STATUSES = ["COMPLETED", "FAILED", "CANCELLED"]


def run_of(place: int) -> Listed:
    queued_at = BEGAN + timedelta(seconds=place)
    return Listed("charge", STATUSES[place % 3], running=place / 10, queued_at=queued_at)


EXPECTED = Counter(STATUSES[place % 3].lower() for place in range(COUNT))


@pytest.fixture
def client() -> Iterator[InngestClient]:
    with InngestClient(dev=True, transport=RunLists(COUNT, run_of)) as client:
        yield client


@pytest.fixture
def file(client: InngestClient, tmp_path: Path) -> Path:
    """Return what the recipe writes."""
    parquet = installed("pyarrow.parquet")
    parquet.write_table(client.runs.list().to_arrow(), tmp_path / "runs.parquet")
    return tmp_path / "runs.parquet"


def installed(name: str) -> Any:
    return pytest.importorskip(name, reason=f"pip install {name.partition('.')[0]} to run this")


def test_polars_reads_a_listing_and_the_parquet_of_the_recipe(
    client: InngestClient, file: Path
) -> None:
    pl = installed("polars")
    for frame in (pl.DataFrame(client.runs.list()), pl.read_parquet(file)):
        assert Counter(frame["status"].to_list()) == EXPECTED
        assert frame["queued_at"].min() == BEGAN
        assert frame["total_duration"].dtype == pl.Duration("us")


def test_duckdb_reads_a_listing_and_the_parquet_of_the_recipe(
    client: InngestClient, file: Path
) -> None:
    duckdb = installed("duckdb")
    listing = client.runs.list()  # noqa: F841 - the query names it
    for source in ("listing", f"'{file}'"):
        found = duckdb.sql(f"SELECT status, count(*) FROM {source} GROUP BY ALL").fetchall()
        assert dict(found) == EXPECTED


def query_of(page: str) -> str:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    (query,) = re.findall(r'duckdb\.sql\("""(.*?)"""\)', text, re.DOTALL)
    return str(query)


def test_the_query_of_the_guide_counts_the_failures_of_each_function(client: InngestClient) -> None:
    duckdb = installed("duckdb")
    runs = client.runs.list()  # noqa: F841 - the query names it
    found = duckdb.sql(query_of("guides/reports.md")).fetchall()
    assert sum(runs for _, runs, _ in found) == sum(EXPECTED.values())
    assert sum(failed for _, _, failed in found) == EXPECTED["failed"]


def test_the_query_of_the_recipe_makes_events_of_parquet(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = installed("duckdb")
    monkeypatch.chdir(tmp_path)
    duckdb.sql("COPY (SELECT range AS n FROM range(3)) TO 'orders.parquet'")
    duckdb.sql(query_of("recipes.md"))
    found = client.preview_file("orders.ndjson")
    assert (found.events, found.failures) == (3, ())
    events = [json.loads(line) for line in Path("orders.ndjson").read_text("utf-8").splitlines()]
    assert events[0] == {"name": "app/order.created", "data": {"n": 0}}


def test_pandas_reads_a_listing_and_the_parquet_of_the_recipe(
    client: InngestClient, file: Path
) -> None:
    pd = installed("pandas")
    listing = client.runs.list()
    rows = pd.DataFrame(run.to_dict(flat=True) for run in listing)
    for frame in (pd.DataFrame.from_arrow(listing), pd.read_parquet(file), rows):
        assert frame["status"].value_counts().to_dict() == EXPECTED
        assert frame["queued_at"].min() == BEGAN
        assert frame["total_duration"].max() > timedelta(seconds=20)


# After many rows that need no quotes, by the first of which DuckDB decides what a quote is.
TEXTS = ["plain"] * 21_000 + [
    "50 % 100 %",
    'say "hi"',
    '"',
    "a,b;c",
    "\0",
    "=1",
    "007",
]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    def failed(place: int) -> Listed:
        return Listed(status="FAILED", error=TEXTS[len(TEXTS) - 1 - place])

    with InngestClient(dev=True, transport=RunLists(len(TEXTS), failed)) as client:
        client.runs.export(tmp_path / "runs.csv", include=["output"])
    return tmp_path / "runs.csv"


def test_polars_reads_every_text_of_csv(texts: Path) -> None:
    frame = installed("polars").read_csv(texts, infer_schema=False)
    assert frame["error_message"].to_list() == TEXTS


def test_duckdb_reads_every_text_of_csv(texts: Path) -> None:
    query = f"SELECT error_message FROM read_csv('{texts}', all_varchar = true)"
    assert [row[0] for row in installed("duckdb").sql(query).fetchall()] == TEXTS


def test_pandas_reads_every_text_of_csv(texts: Path) -> None:
    frame = installed("pandas").read_csv(texts, dtype=str, keep_default_na=False)
    assert frame["error_message"].to_list() == TEXTS


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # of dask
def test_dask_reads_the_parquet_of_the_recipe(file: Path) -> None:
    dd = installed("dask.dataframe")
    frame = dd.read_parquet(file)
    assert frame["status"].value_counts().compute().to_dict() == EXPECTED


def test_spark_reads_the_parquet_of_the_recipe(file: Path) -> None:
    sql = installed("pyspark.sql")
    spark = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = spark.config("spark.driver.host", "127.0.0.1").getOrCreate()
    try:
        frame = session.read.parquet(str(file))
        found = frame.groupBy("status").count().collect()
        assert {row["status"]: row["count"] for row in found} == EXPECTED
        assert dict(frame.dtypes)["queued_at"] == "timestamp"
    finally:
        session.stop()
