"""Where a value came from, and what became of it: `backwards`, `forwards`, and what both walk on."""
