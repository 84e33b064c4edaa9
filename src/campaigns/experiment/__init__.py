"""Who is held out and who gets which variant; and whether the split can be trusted."""
