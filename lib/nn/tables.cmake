# Tables of the layers and of the model families: adding one is adding a file.
dsbias_table(table nn/layers dsbi_layer "nn/layer.h")
list(APPEND sources ${table})
dsbias_table(table nn/models dsbi_family "nn/family.h")
list(APPEND sources ${table})
