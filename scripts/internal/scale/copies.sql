-- Copies of runs, queued over the last 30 days: 0.1 % are open, 3 % have failed. A copy has the rows
-- of a run's root span, from which v2 lists it, its rows in trace_runs, function_runs and
-- function_finishes, and its event. Ids and times are its own.

BEGIN;

INSERT INTO copies
SELECT status, ulid(run_bytes), run_bytes, ulid(event_bytes), event_bytes, queued, started,
    CASE WHEN status <> 'Running' THEN started + (10 ^ (1.5 + 3 * random()))::bigint END
FROM (
    SELECT queued, queued + 10 + (random() * 1990)::bigint AS started,
        new_ulid(queued) AS run_bytes, new_ulid(queued - 5) AS event_bytes,
        CASE WHEN drawn < 0.001 THEN 'Running' WHEN drawn < 0.031 THEN 'Failed' ELSE 'Completed'
        END AS status
    FROM (
        SELECT random() AS drawn,
            (extract(epoch FROM now()) * 1000 - 60000 - random() * 2592000000)::bigint AS queued
        FROM generate_series(1, :missing)
    ) AS chances
    ORDER BY queued
) AS runs;

INSERT INTO spans
SELECT substr(md5(copies.run_id || spans.span_id), 1, 16), 'copy' || substr(md5(copies.run_id), 5),
    parent_span_id, name, times.at, times.at,
    attributes - '_inngest.response.headers' || jsonb_build_object(
        '_inngest.run.id', copies.run_id,
        '_inngest.dynamic.span.id', substr(md5(copies.run_id), 1, 16),
        '_inngest.dynamic.trace.id', 'copy' || substr(md5(copies.run_id), 5)
    ) || CASE WHEN spans.status = 'Queued' THEN jsonb_build_object(
        '_inngest.event.ids', jsonb_build_array(copies.event_id),
        '_inngest.queued_at', queued::text, '_inngest.scheduled_at', queued::text)
    WHEN spans.status = 'Running' THEN jsonb_build_object('_inngest.started_at', started::text)
    ELSE jsonb_build_object('_inngest.ended_at', ended::text) END,
    links, substr(md5(copies.run_id), 1, 16), account_id, app_id, function_id, copies.run_id,
    env_id, output, debug_run_id, debug_session_id, spans.status, input,
    CASE WHEN event_ids IS NULL THEN NULL ELSE jsonb_build_array(copies.event_id) END, is_deferred
FROM copies JOIN template_spans AS spans ON template_status = copies.status
CROSS JOIN LATERAL (SELECT to_timestamp(
    CASE spans.status WHEN 'Queued' THEN queued WHEN 'Running' THEN started ELSE ended END / 1000.0
) AS at) AS times;

INSERT INTO trace_runs
SELECT copies.run_id, account_id, workspace_id, app_id, function_id, trace_id, queued, started,
    COALESCE(ended, 0), trace_runs.status, source_id, convert_to(event_id, 'UTF8'), output,
    is_debounce, batch_id, cron_schedule, has_ai
FROM copies JOIN template_trace_runs AS trace_runs ON template_status = copies.status;

INSERT INTO function_runs
SELECT copies.run_bytes, to_timestamp(queued / 1000.0) AT TIME ZONE 'UTC', function_id,
    function_version, trigger_type, event_bytes, batch_id, original_run_id, cron
FROM copies JOIN template_function_runs ON template_status = copies.status;

INSERT INTO function_finishes
SELECT copies.run_bytes, function_finishes.status, output, completed_step_count,
    to_timestamp(ended / 1000.0) AT TIME ZONE 'UTC'
FROM copies JOIN template_finishes AS function_finishes ON template_status = copies.status;

INSERT INTO events
SELECT event_bytes, account_id, workspace_id, source, source_id,
    to_timestamp(queued / 1000.0) AT TIME ZONE 'UTC', event_id, event_name, event_data, event_user,
    event_v, to_timestamp(queued / 1000.0) AT TIME ZONE 'UTC'
FROM copies CROSS JOIN (
    SELECT account_id, workspace_id, source, source_id, event_name, event_data, event_user, event_v
    FROM events WHERE event_name = 'scale/echoes' LIMIT 1
) AS template;

COMMIT;

VACUUM ANALYZE;
