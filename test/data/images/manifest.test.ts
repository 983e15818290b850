import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listManifest } from '../../../src/data/images/manifest.js';
import { temporaryFolder } from '../../checkpoint/support.js';
import { errorOf } from '../../helpers/error-of.js';

const folder = temporaryFolder();
function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('a manifest', () => {
  const lines = [
    { path: 'a/1.jpg', label: 'dog', split: 'train' },
    { path: 'a, b/"2".jpg', label: 'cat', split: 'val' },
    { path: '/tmp/3.jpg', label: 'dog', split: 'TEST' },
    { path: 'ü.jpg', label: '7' },
  ];
  const csv =
    '\ufeffid,Path,label,split\r\n1,a/1.jpg,dog,train\r\n2,"a, b/""2"".jpg",cat,val\r\n\r\n3,/tmp/3.jpg,dog,TEST\r\n4,ü.jpg,7,\r\n';
  const json = lines
    .map(line => JSON.stringify(line.label === '7' ? { ...line, label: 7 } : line))
    .join('\n');

  it.each([
    ['CSV', 'list.csv', csv],
    ['JSON lines', 'list.jsonl', `${json}\n\n`],
  ])('of %s names images, their classes and splits', (_, name, text) => {
    const { classes, labels, source, given } = listManifest(write(name, text));
    expect(classes).toEqual(['7', 'cat', 'dog']);
    expect([...labels].map(label => classes[label])).toEqual(['dog', 'cat', 'dog', '7']);
    expect([...labels.keys()].map(i => source(i).path)).toEqual([
      join(folder, 'a/1.jpg'),
      join(folder, 'a, b/"2".jpg'),
      '/tmp/3.jpg',
      join(folder, 'ü.jpg'),
    ]);
    expect(given).toEqual({
      train: Int32Array.of(0),
      validation: Int32Array.of(1),
      test: Int32Array.of(2),
    });
  });

  it.each([
    ['a.csv', 'path,class\nx.jpg,1\n', /no columns path and label[^]*line 1/],
    ['b.csv', 'path,label\nx.jpg,\n', /no label for x\.jpg[^]*line 2/],
    ['c.csv', 'path,label\nx.jpg,a\n,b\n', /without a path[^]*line 3/],
    ['d.csv', 'path,label,split\nx.jpg,a,dev\n', /unknown split "dev"[^]*line 2/],
    ['e.csv', 'path,label\nx.jpg,a\n"y.jpg,b\n', /no CSV[^]*line 3/],
    ['f.csv', 'path,label\nx.jpg,a\ny.jpg,a\n', /fewer than two classes/],
    ['g.jsonl', '{"path":"x.jpg","label":"a"}\nx.jpg\n', /not JSON[^]*line 2/],
    ['h.jsonl', '7\n', /not a JSON object[^]*line 1/],
    ['i.jsonl', '{"path":"x.jpg","label":true}\n', /no label/],
  ])('says what is wrong with it: %s', (name, text, message) => {
    expect(errorOf(() => listManifest(write(name, text))).message).toMatch(message);
  });

  it('must be there', () => {
    expect(errorOf(() => listManifest(join(folder, 'nowhere.csv'))).message).toMatch(/cannot be read/);
  });
});
