"""Work outside a web request: asked for in the transaction of its rows, done by worker processes, each job in a child.

`asking` puts it into the queue, `worker` takes it out, `analysis_run` and `document_run` are what a child does,
`upkeep` what comes round by itself, `webhooks` who is told at the end.
"""
