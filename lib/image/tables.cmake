dsbias_table(codec_table image/codecs dsbi_codec image/codecs/codec.h)
list(APPEND sources ${codec_table})
