"""Sending: events are batched, sent, and accounted for one by one.

job           concurrency, rate and stopping of a long job; sending many events in batches
send          the plans that send events: post each batch, and read the receipt that accounts for it
batching      group events into requests, bounded by count and by bytes
"""
