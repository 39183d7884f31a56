"""What moves under the hand: ES modules in src/, and their Python side in payloads/."""
