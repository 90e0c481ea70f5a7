"""Pages on the web that show a run, an event or a function.

Their paths are those of the server's own pages (`pathCreator.ts` of dev-server-ui, `urls.ts` of the
dashboard).
"""

from __future__ import annotations

from inngest_rest.responses import Target

RUN = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"


def pages(url: str, env: str | None = None) -> tuple[str, str, str]:
    target = Target(url, url, env)
    return target.run_page(RUN), target.event_page("01E"), target.function_page("shop", "charge")


def test_a_server_shows_its_own_pages() -> None:
    own = "https://jobs.test/inngest"
    assert pages(own, "ignored") == (
        f"{own}/run?runID={RUN}",
        f"{own}/event?eventID=01E",
        f"{own}/functions/config?slug=shop-charge",
    )


def test_inngest_cloud_has_a_page_in_each_environment() -> None:
    cloud, dashboard = "https://api.inngest.com", "https://app.inngest.com/env"
    assert pages(cloud) == (
        f"{dashboard}/production/runs/{RUN}",
        f"{dashboard}/production/events/01E",
        f"{dashboard}/production/functions/shop-charge",
    )
    assert pages(cloud, "feature/x")[0] == f"{dashboard}/feature%2Fx/runs/{RUN}"


def test_an_id_is_one_part_of_a_page() -> None:
    assert Target("http://a", "http://a").run_page("a/b&c=d") == "http://a/run?runID=a%2Fb%26c%3Dd"
