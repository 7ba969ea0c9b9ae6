"""Growth: runs of one machine at many sizes, and the size at which it meets a limit."""
