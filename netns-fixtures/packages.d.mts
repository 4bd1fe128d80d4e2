/** Types of packages.mjs, which runs before there is a compiler. */

export declare const demoPackages: Readonly<Record<string, readonly string[]>>
export declare const packages: Readonly<Record<string, readonly string[]>>
/** Where a program, library or file lies, or undefined. */
export declare function find(part: string): string | undefined
