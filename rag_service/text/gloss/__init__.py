"""Chinese text in English words, by a dictionary: how the two languages meet offline."""
