"""How computation is carried out: batching of many callers, deduplicated calls, torch threads, the allocator."""
