'use strict';

/* Reads what glot_plugin/viewer/packing.py packs. */

const ARRAY_TYPES = { uint8: Uint8Array, uint16: Uint16Array, int16: Int16Array, int32: Int32Array };

/** The integers of a packed array; values are these times its `scale`. */
async function unpackIntegers(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const integers = new ARRAY_TYPES[packed.type](await new Response(stream).arrayBuffer());
  if (packed.differences) {
    const width = packed.shape.slice(1).reduce((product, length) => product * length, 1);
    for (let index = width; index < integers.length; index += 1) integers[index] += integers[index - width];
  }
  return integers;
}

/** The values of a packed array as floats. */
async function unpack(packed) {
  const integers = await unpackIntegers(packed);
  return Float32Array.from(integers, (value) => value * packed.scale);
}
