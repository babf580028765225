/**
 * Function words by language, folded (no accents): they carry grammar and no topic. Own lists of the most frequent
 * words; a language that is missing here only loses some precision.
 */
const STOP_WORDS: Readonly<Record<string, string>> = {
  en: `a about above across after again against ago all almost along already also although always am among an and another
    any anybody anyone anything are around as at away back be became because become been before behind being below between
    both but by came can cannot could did do does doing done down during each either else enough etc even ever every
    everybody everyone everything few for from further get gets getting give given go goes going gone got had has have
    having he hence her here hers herself him himself his how however i ie if in indeed instead into is it its itself just
    keep kept knew know known last least less let lets like likely made make makes making many may maybe me might mine more
    most mostly much must my myself near nearly need needs neither never next no nobody none nor not nothing now nowhere of
    off often on once one ones only onto or other others otherwise ought our ours ourselves out over own per perhaps put
    quite rather re really said same saw say says see seem seemed seems seen several shall she should since so some somebody
    someone something sometimes soon still such take taken takes tell than that the their theirs them themselves then there
    therefore these they thing things this those though through throughout thus to together told too took toward towards
    under until up upon us use used uses using usually very via want wants was way ways we well went were what whatever when
    whenever where whereas wherever whether which while who whoever whole whom whose why will with within without would yes
    yet you your yours yourself yourselves dont doesnt didnt isnt arent wasnt werent cant couldnt wont wouldnt shouldnt
    hasnt havent hadnt im ive ill id youre youve youll youd hes shes theyre theyve theyll weve whats thats theres heres
    two three four five six seven eight nine ten first second third`,
  de: `aber alle allem allen aller alles als also am an andere anderen anderer anderes auch auf aus bei beim bereits bin bis
    bisher bist da dabei dadurch dafur damit danach dann daran darauf daruber darum das dass davon dazu dein deine dem den
    denen denn der deren des dessen die dies diese diesem diesen dieser dieses doch dort du durch ein eine einem einen einer
    eines einige einmal er erst es etwa etwas euch euer fur ganz gar gegen gibt haben hat hatte hatten heute hier hin hinter
    ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in indem ins ist ja jede jedem jeden jeder jedes jedoch jetzt kann
    kein keine keinen konnen konnte machen mal man mehr mein meine mich mir mit muss mussen nach neben nicht nichts noch nun
    nur ob oder ohne schon sehr sein seine seinem seinen seiner seit selbst sich sie sind so sogar soll sollen sollte sondern
    sowie um und uns unser unsere unter viel viele vom von vor war waren warum was wegen weil weiter welche wenn wer werden
    wie wieder will wir wird wo wurde wurden zu zum zur zwar zwei zwischen uber wahrend ware`,
  fr: `ai ainsi alors apres au aucun aussi autre autres aux avait avant avec avoir c car ce ceci cela celle celui ces cet cette
    ceux chaque chez comme comment d dans de deja depuis des deux dire doit donc dont du elle elles en encore entre est et
    etaient etait etant etc ete etre eu eux faire fait faut font ici il ils j je jusqu l la le les leur leurs lors lorsque lui
    ma mais me meme memes mes moi moins mon n ne ni non nos notre nous on ont ou par parce pas pendant peu peut plus pour
    pourquoi qu quand que quel quelle quelles quelques qui quoi rien s sa sans se sera ses si son sont sous sur ta te tel
    telle tes toi ton toujours tous tout toute toutes tres trop tu un une vers voir vos votre vous y`,
  es: `a al algo algunas algunos ante antes aqui asi aun aunque bien cada casi como con contra cual cuando cuanto de debe del
    desde despues donde dos durante e el ella ellas ellos en entonces entre era eran es esa ese eso esta estaba estan estar
    estas este esto estos fue fueron ha habia hace hacer hacia han hasta hay la las le les lo los luego mas me menos mi mientras
    mis mismo mucho muchos muy nada ni no nos nosotros nuestra nuestro o os otra otras otro otros para parte pero poco por
    porque puede pueden pues que quien quienes se sea segun ser si sido siempre sin sino sobre solo son su sus tal tambien tan
    tanto te tener tiene tienen toda todas todo todos tras tu tus un una uno unos usted vez y ya yo`,
  it: `a ad agli ai al alla alle allo altri altro anche ancora avere aveva c che chi ci cio come con contro cosa cosi cui da dagli
    dai dal dalla dalle de degli dei del dell della delle dello deve di dopo dove due e ed era erano essere fa fare fino fra gia
    gli ha hanno ho i il in io l la le lei li lo loro lui ma mai me mentre mi mio molto ne negli nei nel nell nella nelle no noi
    non nostro o od ogni oggi ora per perche piu poi possono prima puo qua quale quali quando quanto quella quelle quelli quello
    questa queste questi questo qui quindi sara se sempre senza si sia siamo sono sopra sotto sta su sua sue sugli sui sul sulla
    suo suoi tra tu tutte tutti tutto un una uno vi`,
  pt: `a ainda alguns ao aos apenas apos as assim ate cada com como contra da das de dela dele deles depois desde deve disse do dois
    dos durante e ela elas ele eles em entre era eram essa esse esta estao estar este eu faz fazer foi foram ha isso isto ja la
    lhe mais mas me mesmo meu minha muito na nao nas nem no nos nossa nosso num numa o onde os ou outra outras outro outros para
    pela pelas pelo pelos pode podem por porque pouco qual quando que quem sao se seja sem sempre ser sera seu seus si sido so
    sobre sua suas tambem tao tem tempo ter teu toda todas todo todos tu tudo um uma umas uns vai voce voces`,
  nl: `aan af al alle alleen als altijd ander andere ben bij daar dan dat de deze die dit doch doen door dus een eens en er ge geen
    geweest haar had hadden heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je kan konden kunnen maar me meer
    men met mij mijn moet moeten na naar niet niets nog nu of om omdat onder ons onze ook op over reeds te tegen tijdens toch toen
    tot u uit uw van veel via voor waar waren was wat we wel werd werden wie wij wil worden wordt zal ze zeer zei zelf zich zij zijn
    zo zonder zou`,
  pl: `a aby ale bardzo bez bo by byc byl byla bylo byly bym ci co czy dla do dzis dlatego gdy gdyby gdzie go i ich ile im inne innych
    ja jak jako jakie je jego jej jednak jednym jego jesli jest jestem juz kazdy kiedy kilka kto ktora ktore ktorego ktorej ktory
    ktorych ktorym ktorzy lat lub ma maja mam mi mnie moze mozna musi my na nad nam nas nawet nie nich nim niz no o od oni oraz po
    pod podczas poniewaz powiedzial przed przez przy roku sa sie skad swoje swoj ta tak takie takze tam te tego tej ten tez to tu
    tych tylko tym u w we wiec wiele wszystko wszystkich z za zas ze zeby zostal`,
  sv: `alla allt an andra att av bara blev bli blir da de dem den denna deras dess dessa det detta dig din dock du dar efter eller en
    er ett fick fler flera fran for fore ga genom gor ha hade han har hela hon honom hos hur i icke in ingen inom inte ja jag kan kom
    kommer ku lite man med medan men mer mig min mitt mot mycket nagon nagot nar och ocksa om oss pa redan samma sedan sig sin sina
    sitt ska skulle som sa till under upp ut utan vad var vara vi vid vill`,
  da: `af alle alt anden andre at blev blive bliver da de dem den denne der deres det dette dig din dog du efter eller en end er et
    fik flere for fra for gore ham han hans har havde her hun hvad hvis hvor i ikke ind ingen jeg jo kan kom kunne man mange med meget
    men mere mig min mod nar ned nej noget nogle nu ogsa om op os over pa sa sammen sig sin skal skulle som ti til ud under var ved vi
    vil ville vaere`,
  no: `alle alt andre at av ble bli blir da de dem den denne der deres det dette din du eller en enn er et etter fikk flere for fra ga ha
    hadde han har her hun hva hvis hvor hvordan i ikke ingen inn jeg kan kom kunne man mange med meg men mer min mot na nar noe noen og
    ogsa om opp oss over pa sa seg selv sin skal skulle som til under ut var ved vi vil ville vaere`,
  fi: `ei eivat eli emme en enemman ennen eri esimerkiksi etta ettei haneen han hanen he heidan ilman itse ja jalkeen jo joka jolla jonka
    jos joten jotka kaikki kanssa kautta koska kuin kuitenkin kun kuten lisaksi me mika minka minun minut mita mukaan mutta myos ne
    niiden niin noin nyt ole olen oli olisi olivat olla on ovat paljon pois se sekä seka sen siella siihen sita sitten taman tai
    tama tasta tassa te tehda tulee tuo vaan vain vai viela voi voidaan vuoden vuonna yli`,
  cs: `a aby aj ale ani asi az bez bude budou by byl byla bylo byly bych byt co coz cz do ho i ja jak jako je jeho jej jeji jejich jen jeste
    ji jiz jsem jsme jsou k kde kdy kdyz ke ktera ktere kteri kterou ktery ma mezi mi mit mnou mohou muze my na nad nam nas ne nebo
    nejsou neni nez nic o od on ona oni pak po pod podle pokud pouze pro proc proto protoze prvni pred pri s se si sve svych tak take
    tato te ten tento teto tim to toho tohoto tom tomto tu ty tyto u uz v vam vas ve vice vsak z za zde ze`,
};

const cache = new Map<string, ReadonlySet<string>>();

/** The stop words of a text: its language's and English's, since English sneaks into pages of every language. */
export function stopWords(language: string): ReadonlySet<string> {
  const known = cache.get(language);
  if (known) return known;
  const words = new Set(`${STOP_WORDS.en} ${STOP_WORDS[language] ?? ""}`.split(/\s+/).filter(Boolean));
  cache.set(language, words);
  return words;
}
