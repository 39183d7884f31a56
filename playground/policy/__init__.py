"""What a visitor may do: public mode, limits, whose a run is. Below the labs and both front ends."""
