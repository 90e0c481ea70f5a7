"""What both clients share: plans that say what to ask and in which order, and what runs them.

    effects      the two things a plan may ask for, and what a plan is
    drivers      the only folder that sends and sleeps; it runs plans, blocking or awaiting
    settings     arguments and environment variables become one checked, frozen value
    keys         event, signing and API keys: checked, hashed, rotated
    session      what the plans of one client share
    requests     a generated operation's arguments become one HTTP request
    answers      one HTTP response becomes a value, or the error that says what to do
    retry        when to try again, and when not to
    ask          one operation, with its keys and retries: what every plan below is made of
    routes       which API family answers a job
    paging       listings, one page at a time
    arguments, statuses    what a caller may pass
    transports   what a client sends through: one lane for each request in flight
    encoding     an event becomes its bytes, or is refused
    plain        what nearly every event is, told of many at once
    bodies       many plain events become one body
    batches, chunks    events become requests of bounded size
    lines        a file or standard input becomes lines
    ndjson       lines become events whose ids are the same every time
    dead_letters, checkpoints    what a file's import leaves beside it
    from_v1, from_v2    generated models become ours
    sending, runs, events, apps, functions, signals, cancellations, webhooks, health   the plans
    bulk, files  the plans for any number of events, and what surrounds them

Behind `EventBuffer`, which hands over and goes on:

    buffering    what the blocking and the asynchronous buffer share
    intake       events that wait in memory, and what happens when they are too many
    outbox, outbox_file, outbox_letters, group_commit    events that wait in a file
    pace, deadline, delivery, lifetimes    when they go out, for how long, how, and until when

Nothing here is public; only this folder touches the generated operations.
"""
