"""The residents' way in: their pages and their ballots, without Django's request handling.

``application`` speaks ASGI and waits for nobody; ``pages`` are generators that yield what they want from the database
(``wishes``) and end in an answer; ``batching`` grants the wishes of many visitors at once, in one transaction. What
seasons, rules and names are is read beforehand (``snapshot``) and rendered beforehand (``skeletons``).
"""
