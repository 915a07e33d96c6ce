dsbias_table(optimiser_table train/optimisers dsbi_optimiser train/optimiser.h)
list(APPEND sources ${optimiser_table})
