"""What a visitor may do: public mode, limits, ownership of runs. Below the labs and both front ends."""
