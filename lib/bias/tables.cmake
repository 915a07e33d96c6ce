dsbias_table(rung_table bias/rungs dsbi_rung bias/rung.h)
list(APPEND sources ${rung_table})
