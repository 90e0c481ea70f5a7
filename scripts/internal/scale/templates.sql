-- What copies are made of: the rows of the run of each function, as they are now. The run that sleeps
-- fails in ten minutes, since its app is gone by then.

-- The text of a ULID: 26 digits of five bits each.
CREATE FUNCTION ulid(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', digit::int + 1, 1), '' ORDER BY at)
    FROM generate_series(0, 25) AS at
    CROSS JOIN LATERAL substring(
        B'00' || ('x' || encode(bytes, 'hex'))::bit(128) FROM at * 5 + 1 FOR 5
    ) AS bits
    CROSS JOIN LATERAL (SELECT bits::bit(5)::int AS digit) AS digits
$$;

-- A ULID of a time in milliseconds since 1970.
CREATE FUNCTION new_ulid(ms bigint) RETURNS bytea LANGUAGE sql VOLATILE AS $$
    SELECT substring(int8send(ms) FROM 3) ||
        substring(decode(md5(random()::text), 'hex') FROM 1 FOR 10)
$$;

CREATE UNLOGGED TABLE copies (
    status text, run_id text, run_bytes bytea, event_id text, event_bytes bytea,
    queued bigint, started bigint, ended bigint
);

CREATE TABLE templates AS
SELECT run_id AS template_id, dynamic_span_id AS root,
    CASE attributes->>'_inngest.function.slug'
        WHEN 'scale-echoes' THEN 'Completed' WHEN 'scale-fails' THEN 'Failed' ELSE 'Running'
    END AS template_status
FROM spans WHERE name = 'executor.run';

CREATE TABLE template_spans AS
SELECT template_status, spans.* FROM spans JOIN templates
ON spans.run_id = template_id AND spans.dynamic_span_id = root;

CREATE TABLE template_trace_runs AS
SELECT template_status, trace_runs.* FROM trace_runs JOIN templates ON run_id = template_id;

CREATE TABLE template_function_runs AS
SELECT template_status, function_runs.* FROM function_runs JOIN templates
ON ulid(run_id) = template_id;

CREATE TABLE template_finishes AS
SELECT template_status, function_finishes.* FROM function_finishes JOIN templates
ON ulid(run_id) = template_id;
