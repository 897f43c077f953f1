"""Log events and traced datagrams → sessions: whose it is, messages, attempts, gaps, how it ended."""
