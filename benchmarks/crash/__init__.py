"""A kill -9 loop: processes on one journal die at any moment; nothing may happen twice, be lost or be hidden."""
