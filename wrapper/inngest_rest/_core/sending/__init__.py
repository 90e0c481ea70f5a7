"""Events become requests: checked, encoded, batched, sent, and accounted for one by one."""
