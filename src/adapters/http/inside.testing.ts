/** Places inside that no page may lead the fetcher to, as data for the tests here and in test/security. */

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Addresses as a resolver gives them, by the reason why they are not the public internet. */
export const INSIDE_ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "this machine": words("127.0.0.1 127.0.0.2 127.1.2.3 127.255.255.254 0.0.0.0 0.1.2.3 :: ::1"),
  "private networks": words(`
    10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255
    fc00::1 fd12:3456:789a::1 fdff:ffff:ffff:ffff::1 fec0::1
  `),
  "link-local": words("169.254.0.1 169.254.255.255 fe80::1 febf::1"),
  "carrier-grade NAT": words("100.64.0.1 100.127.255.255"),
  "a cloud's own services": words(`
    169.254.169.254 169.254.170.2 169.254.42.42 100.100.100.200 192.0.0.192 168.63.129.16
    fd00:ec2::254 fd20:ce::254 fd00:42::42
  `),
  "several at once": words("224.0.0.1 224.0.0.251 239.255.255.255 255.255.255.255 ff02::1 ff05::2 ff0e::1"),
  "reserved and for examples": words(`
    192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 240.0.0.1 254.255.255.255
    100::1 100:0:0:1::1 2001:2::1 2001:10::1 2001:db8::1 3fff::1 4000::1 5f00::1
  `),
  "IPv4 inside IPv6: mapped, compatible, translated": words(`
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 ::127.0.0.1 ::a00:1 ::ffff:0:127.0.0.1
  `),
  "IPv4 inside IPv6: NAT64, 6to4, Teredo": words(`
    64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::8.8.8.8 64:ff9b:1::7f00:1 64:ff9b:1:fffe::10.0.0.1
    2002:7f00:1:: 2002:a9fe:a9fe:: 2002:c0a8:101::1 2001::1 2001:0:4136:e378:8000:63bf:80ff:fffe
  `),
};

/** The same places in the spellings that a URL parser may understand, as the host of a URL. */
export const INSIDE_SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  "with dots at the end": words("127.0.0.1. 127.0.0.1.. 0.0.0.0. localhost. localhost.. 10.0.0.1. 2130706433."),
  short: words("127.1 127.0.1 0 00 10.1 192.168.1 169.254.43518 100.64.1"),
  decimal: words("2130706433 3232235777 2852039166 167772161 1681915905 4294967295"),
  octal: words("0177.0.0.1 0177.00.00.01 00000177.0.0.1 017700000001 0251.0376.0251.0376 012.0.0.1 127.000.000.001"),
  hexadecimal: words("0x7f.0.0.1 0x7f.1 0x7F000001 0xA9FEA9FE 0xa9.0xfe.0xa9.0xfe 0x0 0x 0x00.0 0xa000001"),
  "of mixed bases": words("0x7f.0.0.01 0177.0x0.1 0xa9.0376.43518 169.0xfe.0251.254 0x7f.0x0.0.0x1"),
  "too large": words("4294967296 127.0.0.256 256.0.0.1 0x100000000 0777777777777 127.0.0.0.1"),
  names: words("localhost LOCALHOST LocalHost"),
  "full-width, circled and mathematical digits": words(`
    １２７.0.0.1 １２７．０．０．１ ①②⑦.0.0.1 ⑫７.０.⓪.①  𝟏𝟐𝟕.𝟎.𝟎.𝟏 𝟣𝟢.𝟢.𝟢.𝟣 ⑯⑨.②⑤④.⑯⑨.②⑤④ ０ｘ７ｆ．１ ²130706433
    ｌｏｃａｌｈｏｓｔ ⓛⓞⓒⓐⓛⓗⓞⓢⓣ 𝕝𝕠𝕔𝕒𝕝𝕙𝕠𝕤𝕥
  `),
  "with dots of other scripts": words("127。0。0。1 127｡0｡0｡1 127．0．0．1 169。254。169。254"),
  "with signs nobody sees": words("127\u00ad.0.0.1 127\u200b.0.0.1 127.\u20600.0.1 local\u00adhost l\u200bocalhost"),
  escaped: words("%31%32%37.0.0.1 %31%32%37%2e0%2e0%2e1 %6c%6f%63%61%6c%68%6f%73%74 127%2E0.0.1 %EF%BC%91%32%37.1"),
  "IPv6 in other words": words(`
    [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [0::1] [::0001] [::ffff:7f00:1]
    [::FFFF:7F00:0001] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:a9fe:a9fe] [::ffff:0a00:0001] [::7f00:1] [::ffff:0:7f00:1]
    [64:FF9B::7F00:1] [64:ff9b:0:0:0:0:127.0.0.1] [FE80::1] [FD00:EC2::254] [2002:7F00:0001::]
  `),
  "IPv6 that is none": words("[::1%25lo] [fe80::1%25eth0] [fe80::1%eth0] [127.0.0.1] [::ffff:127.1] [0x7f::1]"),
};

/** Every place inside as the host of a URL. */
export const INSIDE_HOSTS: readonly string[] = [
  ...Object.values(INSIDE_ADDRESSES)
    .flat()
    .map((address) => (address.includes(":") ? `[${address}]` : address)),
  ...Object.values(INSIDE_SPELLINGS).flat(),
];
