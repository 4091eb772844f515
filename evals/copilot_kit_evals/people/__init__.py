"""What people say of answers: which they are asked about, in which order, what they said; and a judge beside them."""
