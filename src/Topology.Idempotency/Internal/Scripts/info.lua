-- What the health check looks at. A script, because the client refuses INFO to connections without admin mode.
return redis.call('INFO', 'server') .. redis.call('INFO', 'memory') .. redis.call('INFO', 'replication')
