"""Applications to compare with, each as its framework's documentation would write it. The README lists what they do."""
