dsbias_table(format_table data/formats dsbi_format data/format.h)
list(APPEND sources ${format_table})
