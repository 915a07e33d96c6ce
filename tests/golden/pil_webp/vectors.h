/* Made by tests/golden/pil_webp/make.py with Pillow 13.0.0, libwebp 1.6.0. Do not edit. */
/* clang-format off */
static const webp_vector webp_vectors[] = {
    {"animated", 19, 13, 0, 0xb2d9fa99763f98b8u},
    {"animated_part", 19, 13, 1, 0x3dba9ea26dacc733u},
    {"lossless", 19, 13, 0, 0x93305bc0a606aaa4u},
    {"lossless_alpha", 19, 13, 1, 0x93305bc0a606aaa4u},
    {"lossless_palette", 19, 13, 0, 0x90f0af4f1d4a2fd1u},
    {"lossy", 19, 13, 0, 0xfdb7185790c836fcu},
    {"lossy_alpha", 19, 13, 1, 0x75a2f94ee0b99788u},
    {"lossy_alpha_raw", 19, 13, 1, 0xf5d11e03043b8e2eu},
    {"meta", 19, 13, 0, 0x7598830e4e3c0b7fu},
};
